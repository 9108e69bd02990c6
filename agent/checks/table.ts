import type { CheckDefinition } from '../../server/model/definition.ts'
import { aliasCheck } from './alias.ts'
import { dockerCheck } from './docker.ts'
import { grpcCheck } from './grpc.ts'
import { h2PingCheck } from './h2ping.ts'
import { httpCheck } from './http.ts'
import type { CheckKind, PeriodicKind } from './kind.ts'
import { osServiceCheck } from './os-service.ts'
import { scriptCheck } from './script.ts'
import { tcpCheck } from './tcp.ts'
import { ttlCheck } from './ttl.ts'
import { udpCheck } from './udp.ts'

/** Every kind of check: ONE row each. Where a definition asks for several, the first of them runs. */
export const checkKinds: readonly (CheckKind | PeriodicKind)[] = [
  grpcCheck,
  httpCheck,
  ttlCheck,
  tcpCheck,
  udpCheck,
  aliasCheck,
  dockerCheck,
  scriptCheck,
  h2PingCheck,
  osServiceCheck,
]

/** Those that run every interval. The others wait for something: a client's word, or a change of what they stand for. */
export const periodicKinds: readonly PeriodicKind[] = checkKinds.filter(isPeriodic)

/** The word for a definition's kind, as it stands in its row; '' where it asks for none. */
export function kindOf(definition: CheckDefinition): string {
  return checkKinds.find((kind) => kind.accepts(definition))?.name ?? ''
}

function isPeriodic(kind: CheckKind | PeriodicKind): kind is PeriodicKind {
  return 'run' in kind
}
