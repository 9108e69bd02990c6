# TLS, beside server.hcl or client.hcl in one directory. Begin with an authority, and give every agent a certificate of its own:
#
#   praetor tls ca create
#   praetor tls cert create -server -dc=dc1      (for each server)
#   praetor tls cert create -client              (for each client)
#
# The authority's key, consul-agent-ca-key.pem, stays where the certificates are made.

ca_file   = "/etc/praetor/tls/consul-agent-ca.pem"
cert_file = "/etc/praetor/tls/agent.pem"
key_file  = "/etc/praetor/tls/agent-key.pem"

# Whoever calls this agent must have a certificate of that authority, by RPC and by HTTPS.
verify_incoming = true

# And servers are believed to be servers only with server.<datacenter>.<domain> in theirs. Implies verify_outgoing.
verify_server_hostname = true

# HTTP stays where client_addr says, which is this machine alone when nobody says; HTTPS may be for everybody who can prove
# who they are. To turn HTTP off: http = -1.
ports {
  https = 8501
}

addresses {
  https = "0.0.0.0"
}

# In a cluster that runs without TLS: first give all agents the three files, then verify_outgoing, then verify_incoming.
# `reload` takes on all of this but the ports, new certificates in the same files above all.
