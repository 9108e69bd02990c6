/** A difference that is meant. Nothing else may differ. */
export interface Explained {
  /** The family and name of the step, as they are printed. */
  readonly step: RegExp
  /** The part of the answer: `status`, `header X`, `body`, `watch …`. */
  readonly part: RegExp
  readonly why: string
  /** Only where clients are asked. */
  readonly ofClients?: true
  /** Only such a difference; absent: any. A part that a peer did not show is undefined. */
  readonly when?: (expected: string | undefined, actual: string | undefined) => boolean
}

const any = /./

/** Whatever of the mesh and of prepared queries is not there yet answers as an unknown path does. */
const laterPaths = /\/v1\/(connect|query|config|agent\/connect)(\/|$| )/

export const explained: readonly Explained[] = [
  {
    step: laterPaths,
    part: any,
    why: 'comes with the mesh, with prepared queries or with several servers',
  },
  {
    step: /^sidecar: (service|services|checks): (a native sidecar|of a kind|weights of 0|a bad address)$/,
    part: any,
    why: 'a sidecar that the catalog would refuse is refused at once; Consul takes it and tries for ever to register it',
  },
  {
    step: /^sidecar: GET \/v1\/(catalog|health)\/connect\/web$/,
    part: /^(body|header X-Consul-Index)$/,
    why: 'service and checks are registered in one step, and not once more when a check has spoken',
    when: (expected = '', actual = '') =>
      expected.replaceAll(/#\d+/g, '') === actual.replaceAll(/#\d+/g, ''),
  },
  {
    step: /./,
    part: /^body$/,
    why: "a server's tags name its cluster, so that servers of two never mix, and members are listed with how suspect they are",
    when: (expected, actual) =>
      actual
        ?.replaceAll(/"praetor_cluster":\s*"[^"]*",\s*/g, '')
        .replaceAll(/,\s*"SuspicionLevel":\s*[\d.e-]+/g, '') === expected,
  },
  {
    step: /./,
    part: /^body$/,
    why: 'a client of ours knows this by itself, where one of Consul asks a server',
    ofClients: true,
    when: (expected, actual) => expected === `rpc error making call: ${actual}`,
  },
  {
    step: /^(catalog: GET \/v1\/catalog\/node-services\/n1|agent: catalog: clean)$/,
    part: /^body$/,
    why: 'a node without services has an empty list of them, be it asked by a client or of a server; of Consul only a server says so',
    ofClients: true,
    when: (expected = '', actual) =>
      expected.replace('"Services":null', '"Services":[]') === actual,
  },
  {
    step: /^cluster: PUT \/v1\/snapshot\?dc=nope$/,
    part: /^body$/,
    why: 'a datacenter that nobody knows is called so',
    ofClients: true,
    when: (expected, actual) =>
      expected?.startsWith('failed to half close') === true && actual === 'No path to datacenter',
  },
  {
    step: /^cluster: (GET \/v1\/operator\/keyring|keyring: )/,
    part: /^body$/,
    why: 'a client of ours has its server work on the keyrings',
    ofClients: true,
    when: (expected) => expected === 'keyring operations must run against a server node',
  },
  {
    step: /^cluster: (events, oldest first|GET \/v1\/event\/list\?name=deploy|an event index|blocks on the same event)$/,
    part: /^(body|time)$/,
    why: 'a client of ours sends an event itself and has it at once; one of Consul has a server do that, and hears of it by gossip',
    ofClients: true,
  },
  {
    step: /^blocking:/,
    part: /^watch \/v1\/catalog\/service\/\S+$/,
    why: "the service's index moved with its check, so whoever waits for the index is told; Consul lets it wait",
    when: (expected = '', actual = '') =>
      expected.startsWith('waited') && actual === 'woken, 200, index greater',
  },
  {
    step: /^agent: self: Config$/,
    part: /^body$/,
    why: 'PraetorVersion is added, since Version says which Consul is spoken',
    when: (expected, actual) => actual?.replace(/,\s*"PraetorVersion": "[^"]*"/, '') === expected,
  },
  {
    step: /^agent: self: DebugConfig$/,
    part: /^body$/,
    why: 'only the options there are; clients are told not to rely on it',
  },
  {
    step: /GET \/v1\/agent\/version$/,
    part: any,
    why: 'a path of newer Consuls, added',
  },
  {
    step: /^blocking: a node goes$/,
    part: /^watch \/v1\/catalog\/node-services\/b1 body$/,
    why: 'after the wait a node that went is gone; Consul shows it once more as it was',
    when: (_, actual = '') => /"Node": ?null/.test(actual),
  },
  {
    step: /^blocking:/,
    part: /^watch \S+$/,
    why: 'nothing that was asked for changed, so nobody is woken; Consul wakes on any write to the table',
    when: (expected = '', actual = '') =>
      expected.startsWith('woken') && actual.startsWith('waited'),
  },
]
