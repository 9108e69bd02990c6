# An agent to try things with: `praetor agent -config-file configs/dev.hcl`.
# It is what `-dev` does, spelled out, except that what you write survives a restart.

node_name = "dev"
data_dir  = "/tmp/praetor-dev"

# One server that elects itself at once.
server    = true
bootstrap = true

# Only this machine is let in. These are the defaults, and what to change first
# when another machine should reach the agent.
bind_addr   = "127.0.0.1"
client_addr = "127.0.0.1"

ports {
  http = 8500
  dns  = 8600
}

# Elections take milliseconds, not seconds: right for one machine, wrong for a network.
performance {
  raft_multiplier = 1
}

log_level = "debug"
ui        = true
