# A server to keep: `praetor agent -config-dir /etc/praetor.d`, with this file in that directory.
# Keys, blocks and values are Consul's, so a file written for Consul can stand here unchanged.

datacenter = "dc1"
data_dir   = "/var/lib/praetor"
pid_file   = "/run/praetor/praetor.pid"

server    = true
bootstrap = true

# Further facts about this machine, which clients can filter by.
node_meta {
  rack = "a1"
}

# The API on this machine's own socket as well as on its loopback address.
addresses {
  http = "127.0.0.1 unix:///run/praetor/http.sock"
}

unix_sockets {
  group = "praetor"
  mode  = "0660"
}

http_config {
  # Everybody may read; only this machine may write.
  allow_write_http_from = ["127.0.0.0/8", "::1/128"]

  response_headers {
    X-Frame-Options = "deny"
  }
}

dns_config {
  # How long resolvers may keep what they were told. `*` is for services not named.
  node_ttl = "10s"

  service_ttl {
    "*"  = "5s"
    "db" = "0s"
  }
}

limits {
  http_max_conns_per_client = 200
}

telemetry {
  # Prometheus may ask at /v1/agent/metrics?format=prometheus.
  prometheus_retention_time = "60s"
  disable_hostname          = true
}

# Read again on `reload`, as are services, checks and the node's metadata.
log_level = "info"
