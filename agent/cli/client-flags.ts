import { pairsOf } from './flags.ts'
import type { Flag, ParsedFlags } from './flags.ts'

/** Where the agent is and how it lets us in: the flags of every command that asks one. */
export const agentFlags: readonly Flag[] = [
  text(
    'http-addr',
    'The `address` of the agent, host and port: 127.0.0.1:8500 unless the environment variable CONSUL_HTTP_ADDR or this flag says otherwise. It may begin with http://, https:// or unix://.',
  ),
  text(
    'token',
    'The ACL token to ask with, instead of the environment variable CONSUL_HTTP_TOKEN.',
  ),
  text(
    'token-file',
    'A file with the ACL token in it, instead of the environment variable CONSUL_HTTP_TOKEN_FILE. It goes before any other token.',
  ),
  text(
    'ca-file',
    'A file of certificate authorities to trust, instead of the environment variable CONSUL_CACERT.',
  ),
  text('ca-path', 'A directory of such files, instead of the environment variable CONSUL_CAPATH.'),
  text(
    'client-cert',
    'The certificate to show to an agent that asks for one, instead of the environment variable CONSUL_CLIENT_CERT.',
  ),
  text(
    'client-key',
    'The key of that certificate, instead of the environment variable CONSUL_CLIENT_KEY.',
  ),
  text(
    'tls-server-name',
    'The name that the certificate of the agent must have, instead of the environment variable CONSUL_TLS_SERVER_NAME.',
  ),
]

/** What to ask the servers behind it. */
export const serverFlags: readonly Flag[] = [
  text('datacenter', 'The datacenter to ask, instead of the one the agent is in.'),
  {
    name: 'stale',
    kind: 'bool',
    optional: true,
    doc: 'Lets any server answer, not only the leader: sooner, and when there is no leader at all, but perhaps with what was true a moment ago.',
  },
]

export const namespaceFlag: Flag = {
  name: 'namespace',
  kind: 'string',
  optional: true,
  doc: 'Only the `default` namespace exists; any other is refused.',
}

/** What `-node-meta` says in a query. */
export function nodeMetaOf(flags: ParsedFlags): readonly string[] {
  return Object.entries(pairsOf(flags.values('node-meta'))).map((pair) => pair.join(':'))
}

function text(name: string, doc: string): Flag {
  return { name, kind: 'string', optional: true, doc }
}
