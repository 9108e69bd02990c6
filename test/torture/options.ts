import { join } from 'node:path'
import { parseArgs } from 'node:util'

export interface TortureOptions {
  readonly servers: number
  /** How long faults and clients go on; healing and judging come after. */
  readonly seconds: number
  readonly seed: number
  /** The first of 200 ports of the loopback. */
  readonly firstPort: number
  /** Clients of each kind that writes. */
  readonly clients: number
  /** Names of faults, or empty for all that so many servers can bear. */
  readonly faults: readonly string[]
  /** False: servers that keep everything in memory, which must be found out. */
  readonly durable: boolean
  /** The command before `agent`: this repository's, or another that claims to be Consul. */
  readonly program: readonly string[]
  /** Whether the servers leave logs that can be read here. */
  readonly hasLogs: boolean
  /** Whether the servers write down every turn of consensus, to be judged by the rules of Raft. */
  readonly trace: boolean
  /** Whether everything stays even when no promise was broken. */
  readonly keep: boolean
}

export const usage = `Tortures real servers on the loopback, and judges what their clients saw: npm run torture -- [options]

  --servers N       how many servers (default 3)
  --minutes M       how long, at most 60 (default 5)
  --seed S          repeats the faults and requests of an earlier run; their timing is the machine's (default: drawn)
  --faults A,B      only these faults (default: all that so many servers can bear)
  --clients N       clients of each kind (default 6)
  --port P          the first of 200 ports (default 31000)
  --program CMD     another agent with Consul's flags, such as Consul; its log is not looked at, nor are its links hurt
  --trace           servers write down every turn of theirs, which is judged by the specification of Raft (test/simulation)
  --keep            leaves histories, output and data there even when no promise was broken
  --forgetful       servers that keep nothing on disk: the run must fail, which shows that it can

Exits with 1 if any promise was broken; then everything is kept, and the place is printed.`

const minutesMax = 60
const main = join(import.meta.dirname, '../../agent/main.ts')

export function readOptions(args: readonly string[]): TortureOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: { type: 'string', default: '3' },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      faults: { type: 'string', default: '' },
      clients: { type: 'string', default: '6' },
      port: { type: 'string', default: '31000' },
      program: { type: 'string', default: '' },
      trace: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      forgetful: { type: 'boolean', default: false },
    },
  })
  const minutes = number('minutes', values.minutes, 0.01, minutesMax)
  return {
    servers: number('servers', values.servers, 1, 5),
    seconds: minutes * 60,
    seed: number('seed', values.seed, 0, 2 ** 31),
    firstPort: number('port', values.port, 1024, 65_000),
    clients: number('clients', values.clients, 1, 50),
    faults: values.faults === '' ? [] : values.faults.split(','),
    durable: !values.forgetful,
    program: values.program === '' ? [process.execPath, main] : values.program.split(' '),
    hasLogs: values.program === '' && !values.forgetful,
    trace: values.trace,
    keep: values.keep,
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!(value >= min && value <= max))
    throw new Error(`--${name} is a number from ${min} to ${max}, and not ${text}`)
  return value
}
