import { join } from 'node:path'

import type { Program } from './peer.ts'

/**
 * The options of every program here that asks Consul and Praetor the same, in parseArgs' form.
 *
 *     --oracle COMMAND    the Consul to compare with (default: $CONSUL, else `consul` on the PATH)
 *     --subject COMMAND   what is compared (default: this repository's agent)
 *     --only PATTERN      only what has this in its name
 *     --port N            the first of twenty ports
 *     --show              print what the oracle says
 */
export function peerOptions(firstPort: number) {
  return {
    oracle: { type: 'string', default: process.env['CONSUL'] ?? 'consul' },
    subject: { type: 'string', default: `${process.execPath} ${agentPath}` },
    only: { type: 'string', default: '' },
    port: { type: 'string', default: String(firstPort) },
    show: { type: 'boolean', default: false },
  } as const
}

/** Both programs, and the first of ten ports of each. */
export interface PeerPair {
  readonly oracle: Program
  readonly subject: Program
  readonly oraclePort: number
  readonly subjectPort: number
}

export function peerPair(values: {
  readonly oracle: string
  readonly subject: string
  readonly port: string
}): PeerPair {
  const oraclePort = Number(values.port)
  return {
    oracle: { label: 'oracle', command: values.oracle.split(' ') },
    subject: { label: 'subject', command: values.subject.split(' ') },
    oraclePort,
    subjectPort: oraclePort + 10,
  }
}

const agentPath = join(import.meta.dirname, '../../agent/main.ts')
