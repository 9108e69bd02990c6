import type { CommandRow, Group } from './command.ts'

/** Every command: ONE row each, in the order of their names. What a command does is loaded only when it is asked for. */
export const commands: readonly CommandRow[] = [
  {
    name: 'agent',
    synopsis: 'Runs an agent',
    load: async () => (await import('./commands/agent.ts')).agentCommand,
  },
  {
    name: 'catalog datacenters',
    synopsis: 'Prints the datacenters',
    load: async () => (await import('./commands/catalog-datacenters.ts')).catalogDatacentersCommand,
  },
  {
    name: 'catalog nodes',
    synopsis: 'Prints the nodes of a datacenter',
    load: async () => (await import('./commands/catalog-nodes.ts')).catalogNodesCommand,
  },
  {
    name: 'catalog services',
    synopsis: 'Prints the services of a datacenter',
    load: async () => (await import('./commands/catalog-services.ts')).catalogServicesCommand,
  },
  {
    name: 'debug',
    synopsis: 'Records what an agent does, for those who look into it',
    load: async () => (await import('./commands/debug.ts')).debugCommand,
  },
  {
    name: 'event',
    synopsis: 'Fires an event for those who watch for it',
    load: async () => (await import('./commands/event.ts')).eventCommand,
  },
  {
    name: 'exec',
    synopsis: 'Runs a command on the nodes of a datacenter',
    load: async () => (await import('./commands/exec.ts')).execCommand,
  },
  {
    name: 'force-leave',
    synopsis: 'Takes a failed member for one that left',
    load: async () => (await import('./commands/force-leave.ts')).forceLeaveCommand,
  },
  {
    name: 'info',
    synopsis: 'Prints what an agent measures about itself',
    load: async () => (await import('./commands/info.ts')).infoCommand,
  },
  {
    name: 'join',
    synopsis: 'Has an agent join a cluster',
    load: async () => (await import('./commands/join.ts')).joinCommand,
  },
  {
    name: 'keygen',
    synopsis: 'Makes a key to encrypt gossip with',
    load: async () => (await import('./commands/keygen.ts')).keygenCommand,
  },
  {
    name: 'keyring',
    synopsis: 'Replaces the keys that gossip is encrypted with',
    load: async () => (await import('./commands/keyring.ts')).keyringCommand,
  },
  {
    name: 'kv delete',
    synopsis: 'Deletes a key, or all that begin so',
    load: async () => (await import('./commands/kv-delete.ts')).kvDeleteCommand,
  },
  {
    name: 'kv export',
    synopsis: 'Prints a tree of keys as JSON',
    load: async () => (await import('./commands/kv-export.ts')).kvExportCommand,
  },
  {
    name: 'kv get',
    synopsis: 'Prints a value, or a list of keys',
    load: async () => (await import('./commands/kv-get.ts')).kvGetCommand,
  },
  {
    name: 'kv import',
    synopsis: 'Writes a tree of keys that was exported',
    load: async () => (await import('./commands/kv-import.ts')).kvImportCommand,
  },
  {
    name: 'kv put',
    synopsis: 'Writes a value',
    load: async () => (await import('./commands/kv-put.ts')).kvPutCommand,
  },
  {
    name: 'leave',
    synopsis: 'Has an agent leave its cluster and stop',
    load: async () => (await import('./commands/leave.ts')).leaveCommand,
  },
  {
    name: 'lock',
    synopsis: 'Runs a program while holding a lock',
    load: async () => (await import('./commands/lock.ts')).lockCommand,
  },
  {
    name: 'maint',
    synopsis: 'Puts a node or a service into maintenance',
    load: async () => (await import('./commands/maint.ts')).maintCommand,
  },
  {
    name: 'members',
    synopsis: 'Prints the members of the cluster',
    load: async () => (await import('./commands/members.ts')).membersCommand,
  },
  {
    name: 'monitor',
    synopsis: 'Prints what an agent logs, as it does',
    load: async () => (await import('./commands/monitor.ts')).monitorCommand,
  },
  {
    name: 'operator autopilot get-config',
    synopsis: 'Prints the settings of autopilot',
    load: async () =>
      (await import('./commands/operator-autopilot-get-config.ts'))
        .operatorAutopilotGetConfigCommand,
  },
  {
    name: 'operator autopilot set-config',
    synopsis: 'Changes the settings of autopilot',
    load: async () =>
      (await import('./commands/operator-autopilot-set-config.ts'))
        .operatorAutopilotSetConfigCommand,
  },
  {
    name: 'operator autopilot state',
    synopsis: 'Prints how the servers are',
    load: async () =>
      (await import('./commands/operator-autopilot-state.ts')).operatorAutopilotStateCommand,
  },
  {
    name: 'operator raft list-peers',
    synopsis: 'Prints who takes part in consensus',
    load: async () =>
      (await import('./commands/operator-raft-list-peers.ts')).operatorRaftListPeersCommand,
  },
  {
    name: 'operator raft remove-peer',
    synopsis: 'Has the servers count one no longer',
    load: async () =>
      (await import('./commands/operator-raft-remove-peer.ts')).operatorRaftRemovePeerCommand,
  },
  {
    name: 'operator raft transfer-leader',
    synopsis: 'Has another server lead',
    load: async () =>
      (await import('./commands/operator-raft-transfer-leader.ts'))
        .operatorRaftTransferLeaderCommand,
  },
  {
    name: 'reload',
    synopsis: 'Has an agent read its configuration again',
    load: async () => (await import('./commands/reload.ts')).reloadCommand,
  },
  {
    name: 'rtt',
    synopsis: 'Estimates the round trip between two nodes',
    load: async () => (await import('./commands/rtt.ts')).rttCommand,
  },
  {
    name: 'services deregister',
    synopsis: 'Deregisters services',
    load: async () => (await import('./commands/services-deregister.ts')).servicesDeregisterCommand,
  },
  {
    name: 'services register',
    synopsis: 'Registers services',
    load: async () => (await import('./commands/services-register.ts')).servicesRegisterCommand,
  },
  {
    name: 'snapshot inspect',
    synopsis: 'Checks a snapshot and prints what it is of',
    load: async () => (await import('./commands/snapshot-inspect.ts')).snapshotInspectCommand,
  },
  {
    name: 'snapshot restore',
    synopsis: 'Replaces the state of the servers by a saved one',
    load: async () => (await import('./commands/snapshot-restore.ts')).snapshotRestoreCommand,
  },
  {
    name: 'snapshot save',
    synopsis: 'Saves the state of the servers',
    load: async () => (await import('./commands/snapshot-save.ts')).snapshotSaveCommand,
  },
  {
    name: 'tls ca create',
    synopsis: 'Makes a certificate authority',
    load: async () => (await import('./commands/tls-ca-create.ts')).tlsCaCreateCommand,
  },
  {
    name: 'tls cert create',
    synopsis: 'Makes a certificate',
    load: async () => (await import('./commands/tls-cert-create.ts')).tlsCertCreateCommand,
  },
  {
    name: 'validate',
    synopsis: 'Says whether configuration files are good',
    load: async () => (await import('./commands/validate.ts')).validateCommand,
  },
  {
    name: 'version',
    synopsis: 'Prints the version of Praetor and of the Consul it keeps to',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
  {
    name: 'wal dump',
    synopsis: "Prints what is in a segment of a server's log",
    load: async () => (await import('./commands/wal-dump.ts')).walDumpCommand,
  },
  {
    name: 'watch',
    synopsis: 'Runs a program whenever something changes',
    load: async () => (await import('./commands/watch.ts')).watchCommand,
  },
]

/** What subcommands have in common, in the order of their names. */
export const groups: readonly Group[] = [
  {
    name: 'catalog',
    synopsis: 'Looks at the catalog',
    about: `Usage: praetor catalog <subcommand> [options] [args]

  The catalog is what the servers know of all nodes and services:

      $ praetor catalog nodes
      $ praetor catalog services -tags`,
  },
  {
    name: 'kv',
    synopsis: 'Reads and writes keys and values',
    about: `Usage: praetor kv <subcommand> [options] [args]

  A tree of keys, each with a value of up to half a megabyte:

      $ praetor kv put redis/config/connections 5
      $ praetor kv get redis/config/connections
      $ praetor kv delete redis/config/connections`,
  },
  {
    name: 'operator',
    synopsis: 'Tends the servers of a cluster',
    about: `Usage: praetor operator <subcommand> [options]

  What the servers of a cluster are to each other. Most clusters never need it;
  what is done here to a server that is well is done to all.`,
  },
  {
    name: 'operator autopilot',
    synopsis: 'Looks after the servers by settings',
    about: `Usage: praetor operator autopilot <subcommand> [options]

  Servers that caught up begin to vote, and servers that are gone are counted
  no longer, by these settings:

      $ praetor operator autopilot get-config
      $ praetor operator autopilot set-config -min-quorum=3
      $ praetor operator autopilot state`,
  },
  {
    name: 'operator raft',
    synopsis: 'Looks at consensus, and at who takes part in it',
    about: `Usage: praetor operator raft <subcommand> [options]

  The servers agree by the Raft protocol:

      $ praetor operator raft list-peers
      $ praetor operator raft transfer-leader`,
  },
  {
    name: 'services',
    synopsis: 'Registers and deregisters services',
    about: `Usage: praetor services <subcommand> [options] [args]

  These are the services of one agent, the one that is asked. For those of a
  whole datacenter see "praetor catalog".`,
  },
  {
    name: 'snapshot',
    synopsis: 'Saves and restores the state of the servers',
    about: `Usage: praetor snapshot <subcommand> [options] [args]

  A snapshot is the whole state of the servers at one moment: keys, catalog,
  sessions and whatever else they know. Keep it like a secret.

      $ praetor snapshot save backup.snap
      $ praetor snapshot inspect backup.snap
      $ praetor snapshot restore backup.snap`,
  },
  {
    name: 'tls',
    synopsis: 'Makes certificates for agents',
    about: `Usage: praetor tls <subcommand> <subcommand> [options]

  An authority of your own, and what it signs:

      $ praetor tls ca create
      $ praetor tls cert create -server
      $ praetor tls cert create -client`,
  },
  {
    name: 'tls ca',
    synopsis: 'Makes certificate authorities',
    about: `Usage: praetor tls ca <subcommand> [options] filename-prefix

  Whoever trusts an authority trusts what it signs:

      $ praetor tls ca create`,
  },
  {
    name: 'tls cert',
    synopsis: 'Makes certificates',
    about: `Usage: praetor tls cert <subcommand> [options] [filename-prefix]

  Each agent shows a certificate to those it talks to:

      $ praetor tls cert create -server`,
  },
  {
    name: 'wal',
    synopsis: "Looks into a server's log",
    about: `Usage: praetor wal <subcommand> [args]

  The log is what a server writes before it acknowledges anything.`,
  },
]
