import { lookup } from 'node:dns/promises'

import { describeError, PraetorError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import { splitJoinAddress } from './join-address.ts'
import type { Address } from './wire/messages.ts'

/** Where somebody to join is, or that nobody knows. */
export type JoinTarget =
  | { readonly addresses: readonly Address[] }
  | { readonly unknownHost: string }

export interface JoinFailure {
  readonly to: Address
  readonly reason: string
}

/** A name may stand for many: each is contacted. Rejects where the answer is not the resolver's. */
export async function resolveTarget(text: string, defaultPort: number): Promise<JoinTarget> {
  const { host, port } = splitJoinAddress(text, defaultPort)
  if (host === '') return { unknownHost: host }
  try {
    const found = await lookup(host, { all: true })
    return { addresses: found.map(({ address }) => ({ host: address, port })) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw new PraetorError('failed', describeError(error))
    return { unknownHost: host }
  }
}

/** Why nobody was joined, as hashicorp/go-multierror writes it. */
export function describeFailures(
  targets: readonly JoinTarget[],
  failures: readonly JoinFailure[],
): string {
  const unresolved = targets.flatMap((one) =>
    'unknownHost' in one
      ? [`Failed to resolve ${one.unknownHost}: lookup ${one.unknownHost}: no such host`]
      : [],
  )
  const unreached = failures.map(
    ({ to, reason }) => `Failed to join ${to.host}: ${describeFailure(to, reason)}`,
  )
  const lines = [...unresolved, ...unreached].map((line) => `\t* ${line}\n`)
  const count = lines.length === 1 ? '1 error' : `${lines.length} errors`
  return `${count} occurred:\n${lines.join('')}\n`
}

function describeFailure(to: Address, reason: string): string {
  const address = hostPort(to.host, to.port)
  if (reason === 'refused') return `dial tcp ${address}: connect: connection refused`
  if (reason === 'timeout') return `dial tcp ${address}: i/o timeout`
  if (reason === 'reset') return 'EOF'
  return reason
}
