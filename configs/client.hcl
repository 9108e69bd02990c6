# A machine that runs services, and leaves the catalog to the servers:
# `praetor agent -config-dir /etc/praetor.d`, with this file and those of its services in that directory.

datacenter = "dc1"
data_dir   = "/var/lib/praetor"

# What an agent is unless told otherwise. It keeps no log and has no vote: it runs its checks,
# tells the servers of its services and passes on what it is asked.
server = false

# Where the others reach this agent. Loopback lets in only this machine: write an address of the
# network here, the one the servers see. Without a bind_addr it is loopback as well.
bind_addr = "127.0.0.1"

# Where programs ask: HTTP and DNS. Loopback is right here, since they run on this machine.
client_addr = "127.0.0.1"

# The servers, by address or name. One that answers is enough, the rest are for when it doesn't.
# Asked again and again until then, so that the machines may start in any order.
retry_join     = ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
retry_interval = "10s"

# Told to the others when it is stopped, so that they don't take it for failed.
leave_on_terminate = true

log_level = "info"
