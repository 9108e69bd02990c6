import { watchStruct } from '../watch/definition.ts'
import type { WatchDefinition } from '../watch/definition.ts'
import {
  bool,
  boolByRole,
  duration,
  fixed,
  float,
  int,
  map,
  moot,
  string,
  strings,
  structs,
  unsigned,
} from './option.ts'
import type { Option } from './option.ts'

/**
 * Every setting that this agent acts on, one row each: its path in a file, its type, what it is when nobody says, its flag, and
 * whether `reload` takes a new value. The rest of Consul's settings are in unsupported.ts until a row here gives them meaning.
 */
export const options = {
  // The node
  datacenter: string('dc1', {
    flag: 'datacenter',
    doc: 'Name of the datacenter this agent is in.',
  }),
  node_name: string('', {
    flag: 'node',
    doc: 'Name of this node, which no other may have. The host name if not given.',
  }),
  node_id: string('', {
    flag: 'node-id',
    doc: 'Unique id of this node for as long as it lives. Made at random and kept in the data directory if not given.',
  }),
  disable_host_node_id: bool(true, {
    flag: 'disable-host-node-id',
    doc: 'Makes new node ids at random, never from what the host says of itself.',
  }),
  node_meta: map({
    flag: 'node-meta',
    reloadable: true,
    doc: 'Metadata of this node, in the form `key:value`. May be given several times.',
  }),
  domain: string('consul.', {
    flag: 'domain',
    doc: 'Domain that DNS questions are answered under.',
  }),
  alt_domain: string('', {
    flag: 'alt-domain',
    doc: 'A second domain that DNS questions are answered under.',
  }),
  server: bool(false, { flag: 'server', doc: 'Makes this agent a server.' }),
  bootstrap: bool(false, {
    flag: 'bootstrap',
    doc: 'Lets this server elect itself while it knows no other.',
  }),
  retry_join: strings({ flag: 'retry-join', doc: 'Member to contact until one answers.' }),
  retry_interval: duration('30s', {
    flag: 'retry-interval',
    doc: 'Longest wait between attempts to join.',
  }),
  retry_max: int(0, { flag: 'retry-max', doc: 'Attempts to join; 0 for no end.' }),
  start_join: strings({ flag: 'join', doc: 'Member to contact at the start.' }),
  retry_join_wan: strings({
    flag: 'retry-join-wan',
    doc: 'Server of another datacenter to contact until one answers.',
  }),
  retry_interval_wan: duration('30s', {
    flag: 'retry-interval-wan',
    doc: 'Longest wait between attempts to join between datacenters.',
  }),
  retry_max_wan: int(0, {
    flag: 'retry-max-wan',
    doc: 'Attempts to join between datacenters; 0 for no end.',
  }),
  start_join_wan: strings({
    flag: 'join-wan',
    doc: 'Server of another datacenter to contact at the start.',
  }),
  bootstrap_expect: int(0, {
    flag: 'bootstrap-expect',
    doc: 'How many servers to wait for before the first election.',
  }),
  data_dir: string('', { flag: 'data-dir', doc: 'Directory that the agent keeps its state in.' }),
  pid_file: string('', { flag: 'pid-file', doc: 'File that the id of the process is written to.' }),
  primary_datacenter: string('', { doc: 'The datacenter that decides for all: this one, so far.' }),

  // Addresses and ports
  bind_addr: string('127.0.0.1', {
    flag: 'bind',
    doc: 'Address that cluster ports listen on. 127.0.0.1 if not given: only this host is let in until you say so.',
  }),
  client_addr: string('127.0.0.1', {
    flag: 'client',
    doc: 'Addresses, parted by spaces, that the HTTP API and DNS listen on.',
  }),
  advertise_addr: string('', {
    flag: 'advertise',
    doc: 'Address that others are told to reach this agent by. The bind address if not given.',
  }),
  advertise_addr_ipv4: string('', { doc: 'As advertise_addr, for IPv4.' }),
  advertise_addr_ipv6: string('', { doc: 'As advertise_addr, for IPv6.' }),
  advertise_addr_wan: string('', {
    flag: 'advertise-wan',
    doc: 'As -advertise, for agents of other datacenters.',
  }),
  advertise_addr_wan_ipv4: string('', { doc: 'As advertise_addr_wan, for IPv4.' }),
  tagged_addresses: map({ doc: 'Further addresses of this node, by tag.' }),
  translate_wan_addrs: bool(false, {
    doc: 'Gives askers from other datacenters the WAN addresses of nodes.',
  }),
  'addresses.dns': string('', {
    doc: 'Addresses for DNS, parted by spaces, instead of client_addr.',
  }),
  'addresses.http': string('', {
    doc: 'Addresses for the HTTP API, parted by spaces, instead of client_addr. unix:///path is a socket.',
  }),
  'addresses.https': string('', {
    doc: 'As addresses.http, for the API over TLS.',
  }),
  'ports.dns': int(8600, { flag: 'dns-port', doc: 'Port for DNS, UDP and TCP. -1 turns it off.' }),
  'ports.http': int(8500, { flag: 'http-port', doc: 'Port for the HTTP API. -1 turns it off.' }),
  'ports.server': int(8300, {
    flag: 'server-port',
    doc: 'Port that servers talk to each other on.',
  }),
  'ports.serf_lan': int(8301, {
    flag: 'serf-lan-port',
    doc: 'Port for gossip within the datacenter.',
  }),
  'ports.https': int(-1, {
    flag: 'https-port',
    doc: 'Port for the HTTP API over TLS. -1 turns it off.',
  }),
  'ports.serf_wan': int(8302, {
    flag: 'serf-wan-port',
    doc: 'Port for gossip between datacenters. -1 turns it off.',
  }),
  'ports.sidecar_min_port': int(21_000, {
    doc: 'First port of those that sidecars get who name none. 0 gives them none.',
  }),
  'ports.sidecar_max_port': int(21_255, { doc: 'Last port of those that sidecars get.' }),
  encrypt: string('', {
    flag: 'encrypt',
    doc: 'Key that gossip is encrypted with: 16, 24 or 32 bytes in base64. One that was kept in the data directory goes before it.',
  }),
  encrypt_verify_incoming: bool(true, {
    doc: 'Refuses gossip that is not encrypted, where there is a key.',
  }),
  encrypt_verify_outgoing: bool(true, { doc: 'Encrypts gossip, where there is a key.' }),
  ca_file: string('', {
    reloadable: true,
    doc: 'File with the certificates of the authorities that are trusted.',
  }),
  ca_path: string('', {
    reloadable: true,
    doc: 'Directory of such files, where there is no ca_file.',
  }),
  cert_file: string('', {
    reloadable: true,
    doc: 'File with the certificate of this agent.',
  }),
  key_file: string('', { reloadable: true, doc: 'File with the key of that certificate.' }),
  verify_incoming: bool(false, {
    reloadable: true,
    doc: 'Lets in only who has a certificate of a trusted authority: servers and clients, and whoever comes by HTTPS.',
  }),
  verify_incoming_rpc: bool(false, {
    reloadable: true,
    doc: 'As verify_incoming, for servers and clients alone.',
  }),
  verify_incoming_https: bool(false, {
    reloadable: true,
    doc: 'As verify_incoming, for HTTPS alone.',
  }),
  verify_outgoing: bool(false, {
    reloadable: true,
    doc: 'Calls servers over TLS only, and only those with a certificate of a trusted authority.',
  }),
  verify_server_hostname: bool(false, {
    reloadable: true,
    doc: 'As verify_outgoing, and the certificate must say server.<datacenter>.<domain>.',
  }),
  server_name: string('', {
    reloadable: true,
    doc: 'The name that checks look for in certificates, with enable_agent_tls_for_checks. The name of the node if not given.',
  }),
  tls_min_version: string('tls12', {
    reloadable: true,
    doc: 'The oldest TLS that is spoken: tls10, tls11, tls12 or tls13.',
  }),
  tls_cipher_suites: string('', {
    reloadable: true,
    doc: 'The cipher suites that may be used before TLS 1.3, parted by commas.',
  }),
  tls_prefer_server_cipher_suites: bool(false, {
    reloadable: true,
    doc: "Chooses among cipher suites by this agent's order, not by the client's.",
  }),
  enable_agent_tls_for_checks: bool(false, {
    reloadable: true,
    doc: "Checks over TLS show this agent's certificate, and trust its authorities alone.",
  }),
  'limits.rpc_handshake_timeout': duration('5s', {
    doc: 'How long who connects to a server may take to say what it is, and to shake hands.',
  }),
  'limits.rpc_max_conns_per_client': int(100, {
    reloadable: true,
    doc: 'Connections to the server port that one address may have open; 0 for no limit.',
  }),
  'limits.rpc_rate': float(-1, {
    reloadable: true,
    doc: 'Calls to servers that a client makes in a second; 0 and less for no limit.',
  }),
  'limits.rpc_max_burst': int(1000, {
    reloadable: true,
    doc: 'Calls to servers that a client makes at once, where their rate is limited.',
  }),
  'limits.https_handshake_timeout': duration('5s', {
    doc: 'How long who connects by HTTPS may take to shake hands.',
  }),
  'gossip_lan.gossip_interval': duration('200ms', {
    doc: 'Within the datacenter: how often gossip is sent.',
  }),
  'gossip_lan.gossip_nodes': int(3, {
    doc: 'Within the datacenter: to how many members it is sent each time.',
  }),
  'gossip_lan.probe_interval': duration('1s', {
    doc: 'Within the datacenter: how often a member is probed.',
  }),
  'gossip_lan.probe_timeout': duration('500ms', {
    doc: 'Within the datacenter: how long a probe may take before others are asked.',
  }),
  'gossip_lan.retransmit_mult': int(4, {
    doc: 'Within the datacenter: scales how often a piece of gossip is sent.',
  }),
  'gossip_lan.suspicion_mult': int(4, {
    doc: 'Within the datacenter: scales how long a member is suspected before it is called failed.',
  }),
  'gossip_wan.gossip_interval': duration('500ms', {
    doc: 'Between datacenters: how often gossip is sent.',
  }),
  'gossip_wan.gossip_nodes': int(3, {
    doc: 'Between datacenters: to how many members it is sent each time.',
  }),
  'gossip_wan.probe_interval': duration('5s', {
    doc: 'Between datacenters: how often a member is probed.',
  }),
  'gossip_wan.probe_timeout': duration('3s', {
    doc: 'Between datacenters: how long a probe may take before others are asked.',
  }),
  'gossip_wan.retransmit_mult': int(4, {
    doc: 'Between datacenters: scales how often a piece of gossip is sent.',
  }),
  'gossip_wan.suspicion_mult': int(6, {
    doc: 'Between datacenters: scales how long a member is suspected before it is called failed.',
  }),
  serf_lan: string('', {
    flag: 'serf-lan-bind',
    doc: 'Address that the port for gossip within the datacenter listens on. The bind address if not given.',
  }),
  serf_wan: string('', {
    flag: 'serf-wan-bind',
    doc: 'Address that the port for gossip between datacenters listens on. The bind address if not given.',
  }),
  serf_lan_allowed_cidrs: strings({
    flag: 'serf-lan-allowed-cidrs',
    doc: 'Network that members of the datacenter may be in, in CIDR form. May be given several times; if never, they may be anywhere.',
  }),
  serf_wan_allowed_cidrs: strings({
    flag: 'serf-wan-allowed-cidrs',
    doc: 'Network that servers of other datacenters may be in, in CIDR form. May be given several times; if never, they may be anywhere.',
  }),
  protocol: int(2, {
    flag: 'protocol',
    doc: "Version of Consul's protocol that others are told of: 2 or 3.",
  }),
  raft_protocol: int(0, {
    flag: 'raft-protocol',
    doc: "Version of Raft's protocol. It is 3, which is what 0 means too.",
  }),
  non_voting_server: bool(false, {
    flag: 'non-voting-server',
    doc: 'Has no effect, as in Consul.',
  }),
  reconnect_timeout: duration('0s', {
    doc: 'Within the datacenter: how long a failed member is remembered; 0 for 72 hours.',
  }),
  reconnect_timeout_wan: duration('0s', {
    doc: 'Between datacenters: how long a failed member is remembered; 0 for 72 hours.',
  }),
  disable_coordinates: bool(false, {
    doc: 'Does not tell the catalog where this node stands in the network, and refuses to say where others do.',
  }),
  'unix_sockets.user': string('', { doc: 'Who owns unix sockets: a name or an id.' }),
  'unix_sockets.group': string('', { doc: 'Which group owns unix sockets: a name or an id.' }),
  'unix_sockets.mode': string('', { doc: 'Permissions of unix sockets, in octal.' }),

  // HTTP and UI
  'http_config.block_endpoints': strings({ doc: 'Path prefixes that the HTTP API refuses.' }),
  'http_config.response_headers': map({ doc: 'Headers that every HTTP answer carries.' }),
  'http_config.allow_write_http_from': strings({
    flag: 'allow-write-http-from',
    doc: 'Network that may write over HTTP, in CIDR form. May be given several times; if never, everybody may.',
  }),
  'http_config.use_cache': bool(true, { doc: 'Heeds `?cached`.' }),
  'limits.http_max_conns_per_client': int(200, {
    reloadable: true,
    doc: 'HTTP connections that one address may have open.',
  }),
  'limits.kv_max_value_size': unsigned('uint64', 524_288, {
    doc: 'Bytes that the value of a key may have.',
  }),
  'limits.txn_max_req_len': unsigned('uint64', 524_288, {
    doc: 'Bytes that a transaction may have.',
  }),
  disable_http_unprintable_char_filter: bool(false, {
    doc: 'Takes requests whose paths have characters that cannot be printed.',
  }),
  ui: bool(false, { flag: 'ui', doc: 'Serves the built-in web UI.' }),
  ui_dir: string('', { flag: 'ui-dir', doc: 'Directory with a web UI to serve instead.' }),
  ui_content_path: string('/ui/', {
    flag: 'ui-content-path',
    doc: 'Path that the web UI is served under. /ui/ if not given.',
  }),
  'ui_config.enabled': bool(false, {
    doc: 'The same as ui, where later versions of Consul have it.',
  }),

  // DNS
  'dns_config.allow_stale': bool(true, {
    reloadable: true,
    doc: 'Lets any server answer, not only the leader.',
  }),
  'dns_config.max_stale': duration('87600h', {
    reloadable: true,
    doc: 'How old an answer may be.',
  }),
  'dns_config.node_ttl': duration('0s', {
    reloadable: true,
    doc: 'How long answers about nodes may be kept.',
  }),
  'dns_config.service_ttl': map({
    reloadable: true,
    doc: 'How long answers about services may be kept, by name, prefix* or *.',
  }),
  'dns_config.enable_truncate': bool(false, {
    reloadable: true,
    doc: 'Marks answers that were cut short over UDP.',
  }),
  'dns_config.only_passing': bool(false, {
    reloadable: true,
    doc: 'Leaves out instances with warnings.',
  }),
  'dns_config.disable_compression': bool(false, {
    reloadable: true,
    doc: 'Writes every name in full.',
  }),
  'dns_config.a_record_limit': int(0, {
    reloadable: true,
    doc: 'Address records in one answer; 0 for no limit.',
  }),
  'dns_config.udp_answer_limit': int(3, {
    reloadable: true,
    doc: 'Records in one answer over UDP without EDNS.',
  }),
  'dns_config.enable_additional_node_meta_txt': bool(true, {
    reloadable: true,
    doc: 'Adds the metadata of nodes to answers.',
  }),
  'dns_config.soa.refresh': unsigned('uint32', 3600, {
    reloadable: true,
    doc: 'Seconds; in SOA records.',
  }),
  'dns_config.soa.retry': unsigned('uint32', 600, {
    reloadable: true,
    doc: 'Seconds; in SOA records.',
  }),
  'dns_config.soa.expire': unsigned('uint32', 86_400, {
    reloadable: true,
    doc: 'Seconds; in SOA records.',
  }),
  'dns_config.soa.min_ttl': unsigned('uint32', 0, {
    reloadable: true,
    doc: 'Seconds; in SOA records.',
  }),
  recursors: strings({
    flag: 'recursor',
    reloadable: true,
    doc: 'DNS server to ask for names outside of the domain: a host, or host:port. May be given several times; they are asked in turn.',
  }),
  'dns_config.recursor_timeout': duration('2s', {
    reloadable: true,
    doc: 'How long each of the recursors may take.',
  }),

  // Services and checks
  check_update_interval: duration('5m', {
    doc: 'How long a change that is only in the output of a check may wait to be told.',
  }),
  enable_script_checks: bool(false, {
    flag: 'enable-script-checks',
    doc: 'Runs commands as checks, whoever asks for them: whoever reaches the HTTP API can then run anything here.',
  }),
  enable_local_script_checks: bool(false, {
    flag: 'enable-local-script-checks',
    doc: 'Runs commands as checks where configuration files ask for them.',
  }),
  discard_check_output: bool(false, { reloadable: true, doc: 'Keeps no output of checks.' }),
  check_output_max_size: int(4096, {
    flag: 'check_output_max_size',
    doc: 'Bytes of output kept of a check.',
  }),

  // Reads and sessions
  discovery_max_stale: duration('0s', {
    doc: "How old answers of the catalog and of health may be where the question doesn't say; 0 has the leader answer.",
  }),
  session_ttl_min: duration('0s', { doc: 'The shortest TTL a session may ask for; 0 for 10 s.' }),
  default_query_time: duration('300s', {
    flag: 'default-query-time',
    doc: "How long a blocking query waits that doesn't say.",
  }),
  max_query_time: duration('600s', {
    flag: 'max-query-time',
    doc: 'How long a blocking query waits at most, whatever it says.',
  }),

  // Life
  leave_on_terminate: boolByRole({ doc: 'Leaves the cluster when told to end by SIGTERM.' }),
  skip_leave_on_interrupt: boolByRole({ doc: 'Does not leave the cluster on SIGINT.' }),
  rejoin_after_leave: bool(false, {
    flag: 'rejoin',
    doc: 'Goes back to a cluster it was told to leave.',
  }),
  'performance.leave_drain_time': duration('5s', {
    doc: 'How long a leaving server still answers.',
  }),
  'performance.rpc_hold_timeout': duration('7s', {
    doc: 'How long a request waits for a leader to be there.',
  }),
  'performance.raft_multiplier': int(5, {
    doc: 'Scales the timeouts of elections, 1 (quickest) to 10.',
  }),
  raft_snapshot_interval: duration('30s', { doc: 'How often to see whether a snapshot is due.' }),
  raft_snapshot_threshold: int(16_384, { doc: 'Log entries that make a snapshot due.' }),
  raft_trailing_logs: int(10_240, { doc: 'Log entries kept behind a snapshot.' }),
  'autopilot.cleanup_dead_servers': bool(true, {
    doc: 'Servers that failed are no longer counted, as long as a majority is left.',
  }),
  'autopilot.last_contact_threshold': duration('200ms', {
    doc: 'How long a healthy server may go unheard.',
  }),
  'autopilot.max_trailing_logs': int(250, {
    doc: 'How many entries the log of a healthy server may be behind.',
  }),
  'autopilot.min_quorum': unsigned('uint', 0, {
    doc: 'How many voting servers must be left when failed ones are removed.',
  }),
  'autopilot.server_stabilization_time': duration('10s', {
    doc: 'How long a new server must be healthy before it votes.',
  }),

  // Logs and telemetry
  log_level: string('INFO', {
    flag: 'log-level',
    reloadable: true,
    doc: 'How much to log: trace, debug, info, warn or err.',
  }),
  enable_syslog: bool(false, {
    flag: 'syslog',
    doc: "Logs also go to the host's syslog, by logger(1).",
  }),
  syslog_facility: string('LOCAL0', { doc: 'The facility of what goes to syslog.' }),
  log_json: bool(false, { flag: 'log-json', doc: 'Logs in JSON.' }),
  log_file: string('', { flag: 'log-file', doc: 'File that logs are also written to.' }),
  log_rotate_bytes: int(0, { flag: 'log-rotate-bytes', doc: 'Bytes that fill a log file.' }),
  log_rotate_duration: duration('24h', {
    flag: 'log-rotate-duration',
    doc: 'How long a log file is written to.',
  }),
  log_rotate_max_files: int(0, {
    flag: 'log-rotate-max-files',
    doc: 'How many full log files are kept: 0 for all, -1 for none.',
  }),
  'telemetry.prometheus_retention_time': duration('0s', {
    doc: 'How long metrics are kept for Prometheus; 0 turns that off.',
  }),
  'telemetry.disable_hostname': bool(false, { doc: "Keeps the host's name out of gauges." }),
  'telemetry.metrics_prefix': string('consul', {
    doc: 'What the names of all metrics begin with.',
  }),
  'telemetry.prefix_filter': strings({
    reloadable: true,
    doc: 'Metrics to keep (+prefix) and to drop (-prefix).',
  }),
  'telemetry.filter_default': bool(true, {
    doc: 'Keeps metrics that prefix_filter does not name.',
  }),

  // What is done when something changes
  watches: structs<WatchDefinition>(watchStruct, {
    reloadable: true,
    doc: 'What to watch, and what to run or to call whenever it changes.',
  }),

  // What operators reach into the node for
  disable_remote_exec: bool(true, {
    doc: 'Runs no commands that `exec` asks for: whoever may write keys and fire events could have any run.',
  }),
  enable_debug: bool(false, {
    doc: 'Serves profiles of the running process under /debug/pprof/.',
  }),

  // What no file changes
  ae_interval: fixed(string('1m', {})),
  check_deregister_interval_min: fixed(string('1m', {})),
  check_reap_interval: fixed(string('30s', {})),
  'consul.coordinate.update_batch_size': fixed(int(128, {})),
  'consul.coordinate.update_max_batches': fixed(int(5, {})),
  'consul.coordinate.update_period': fixed(string('5s', {})),
  'consul.raft.election_timeout': fixed(string('1000ms', {})),
  'consul.raft.heartbeat_timeout': fixed(string('1000ms', {})),
  'consul.raft.leader_lease_timeout': fixed(string('500ms', {})),
  'consul.server.health_interval': fixed(string('2s', {})),
  revision: fixed(string('', {})),
  segment_limit: fixed(int(64, {})),
  segment_name_limit: fixed(int(64, {})),
  sync_coordinate_interval_min: fixed(string('15s', {})),
  sync_coordinate_rate_target: fixed(float(64, {})),
  version: fixed(string('', {})),
  version_prerelease: fixed(string('', {})),

  // Nothing to turn off: the agent calls nobody and writes no key to a file.
  disable_update_check: moot(),
  disable_anonymous_signature: moot(),
  disable_keyring_file: moot('disable-keyring-file'),
} as const satisfies Readonly<Record<string, Option>>

export type OptionPath = keyof typeof options
export type OptionValue<Path extends OptionPath> =
  (typeof options)[Path] extends Option<infer Value> ? Value : never

/** Where `service` and `check` blocks are: they have tables of their own (server/model/definition-fields.ts). */
export const definitionPaths = ['service', 'services', 'check', 'checks'] as const
