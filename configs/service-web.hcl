# A service that runs on this machine, beside server.hcl in the configuration directory.
# One `service` block to a file; use `services = [ { … }, { … } ]` for several in one.

service {
  name = "web"
  id   = "web-1"
  port = 8080
  tags = ["primary", "v2"]

  meta {
    team = "shop"
  }

  # Instances are chosen in proportion to these, as long as they pass, or warn.
  weights {
    passing = 10
    warning = 1
  }

  # Asked by the agent. 2xx passes, 429 warns, all else is critical.
  check {
    id       = "web-1-http"
    name     = "answers HTTP"
    http     = "http://127.0.0.1:8080/health"
    method   = "GET"
    interval = "10s"
    timeout  = "2s"

    header {
      Accept = ["application/json"]
    }

    # Two bad answers in a row before anybody is told.
    failures_before_critical = 2

    # Gone for this long, it is taken off the catalog.
    deregister_critical_service_after = "90m"
  }
}

# Told, not asked: critical unless somebody calls /v1/agent/check/pass/nightly-backup in time.
check {
  id    = "nightly-backup"
  name  = "backup is fresh"
  ttl   = "25h"
  notes = <<-EOT
    The backup job calls in when it is done.
    Look at its log when this is critical.
    EOT
}
