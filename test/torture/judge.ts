import { checkLinearizable, type Verdict } from '../linearizability/checker.ts'
import { checkExclusion } from '../linearizability/exclusion.ts'
import type { Operation } from '../linearizability/history.ts'
import { checkIndexOrder, type IndexedEvent } from '../linearizability/index-order.ts'
import type { Model } from '../linearizability/model.ts'
import { lock } from '../linearizability/models/lock.ts'
import { register, type RegisterOutput } from '../linearizability/models/register.ts'
import { transaction } from '../linearizability/models/transaction.ts'
import { resolveOpen } from '../linearizability/resolve.ts'
import { checkWatches } from '../linearizability/watch.ts'
import { loggedWrites, type LoggedWrites } from './log-writes.ts'
import type { GroupInput, KvInput, Mode, Record } from './record.ts'
import { quantile, replacements } from './recovery.ts'
import type { ServerLog } from './server-log.ts'

/** One promise, what it was held against, and each time it was broken. */
export interface Finding {
  readonly promise: string
  readonly checked: string
  readonly breaches: readonly string[]
}

/** What is there when all is over. */
export interface Aftermath {
  /** Everything under `ledger/`, read consistently after all was healed. */
  readonly ledger: ReadonlyMap<string, string>
  /** Read from files, once all servers were down. */
  readonly logs: readonly ServerLog[]
  /** An index that every server had applied before it went down. */
  readonly agreedIndex: number
  /** Ends of servers that nobody brought about. */
  readonly deaths: readonly string[]
}

/** How late a blocking query may wake: servers stand still for seconds here, and links hold what they carry. */
const wakeMaxMs = 15_000

export function judge(record: Record, aftermath: Aftermath): Finding[] {
  const writes = loggedWrites(aftermath.logs)
  const registers = settle(record.registers.operations(), writes, valueOf)
  const groups = settle(record.groups.operations(), writes, groupValueOf)
  const isStrong = ({ input }: { readonly input: { readonly mode?: Mode } }): boolean =>
    input.mode !== 'default'
  return [
    { promise: 'servers stay up', checked: '', breaches: aftermath.deaths },
    findLost(record, aftermath),
    findUnlogged(registers, writes),
    linearizable('?consistent reads and writes of keys', register, registers.filter(isStrong)),
    linearizable('default reads too', register, registers),
    linearizable('?consistent transactions', transaction, groups.filter(isStrong)),
    linearizable('default transactions too', transaction, groups),
    linearizable('locks', lock, record.locks.operations()),
    findTwoHolders(record),
    findDisorder(record, registers, writes),
    findMissed(record, registers, writes),
    findStaleBreaches(record, registers),
    findForks(aftermath),
    findSlow(record),
  ]
}

function settle<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  { isComplete, places }: LoggedWrites,
  nameOf: (input: Input) => string | undefined,
): Operation<Input, Output>[] {
  return resolveOpen(operations, ({ input }) => {
    const name = nameOf(input)
    if (name === undefined) return undefined
    return places.get(name)?.[0] ?? (isComplete ? 'absent' : undefined)
  })
}

function valueOf(input: KvInput): string | undefined {
  return 'value' in input ? input.value : undefined
}

function groupValueOf({ steps }: GroupInput): string | undefined {
  return steps.flatMap((step) => (step.verb === 'set' ? [step.value] : []))[0]
}

function findLost({ ledger }: Record, aftermath: Aftermath): Finding {
  const lost = [...ledger].filter(([key, value]) => aftermath.ledger.get(key) !== value)
  return {
    promise: 'what was acknowledged is there',
    checked: `${ledger.size} keys written once`,
    breaches: lost.map(([key]) => `${key} is lost`),
  }
}

function findUnlogged(
  registers: readonly Operation<KvInput, RegisterOutput>[],
  { isComplete, places }: LoggedWrites,
): Finding {
  const done = registers.filter(({ input, output }) => output === true && 'value' in input)
  const missing = done.filter(({ input }) => !places.has(valueOf(input) ?? ''))
  const double = [...places].filter(([, indexes]) => indexes.length > 1)
  return {
    promise: 'and in the log, once',
    checked: isComplete ? `${done.length} writes` : `${places.size} writes, the log is compacted`,
    breaches: [
      ...(isComplete ? missing.map(({ input }) => `${valueOf(input)} is in no log`) : []),
      ...double
        .filter(([value]) => value !== '')
        .map(([value, indexes]) => `${value} is at ${indexes.join(' and ')}`),
    ],
  }
}

function linearizable<State, Input, Output>(
  what: string,
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Finding {
  const verdict: Verdict = checkLinearizable(model, operations)
  return {
    promise: `linearizable: ${what}`,
    checked: `${verdict.operations} on ${verdict.keys} keys`,
    breaches: [
      ...verdict.explanations.map(({ text }) => text),
      ...verdict.illegal.slice(verdict.explanations.length).map((key) => `and ${key}`),
      ...verdict.undecided.map((key) => `${key} could not be decided`),
    ],
  }
}

function findTwoHolders({ holdings }: Record): Finding {
  return {
    promise: 'a lock has one holder, fences rise',
    checked: `${holdings.length} times held`,
    breaches: checkExclusion(holdings),
  }
}

function findDisorder(
  { observations }: Record,
  registers: readonly Operation<KvInput, RegisterOutput>[],
  { places }: LoggedWrites,
): Finding {
  const events = registers.flatMap((operation): IndexedEvent[] => {
    const { calledAt, input, key, output, returnedAt } = operation
    const what = `${operation.client} ${register.describe(input, output)}`
    if (input.verb === 'get' && operation.index !== undefined)
      return [{ scope: key, kind: 'read', index: operation.index, calledAt, returnedAt, what }]
    const index = output === true ? places.get(valueOf(input) ?? '')?.[0] : undefined
    return index === undefined
      ? []
      : [{ scope: key, kind: 'write', index, calledAt, returnedAt, what }]
  })
  for (const { calledAt, index, key, returnedAt, watcher } of observations)
    events.push({ scope: key, kind: 'read', index, calledAt, returnedAt, what: `${watcher} watch` })
  return {
    promise: 'indexes follow real time',
    checked: `${events.length} reads and writes`,
    breaches: checkIndexOrder(events).map(({ text }) => text),
  }
}

function findMissed(
  { observations }: Record,
  registers: readonly Operation<KvInput, RegisterOutput>[],
  { places }: LoggedWrites,
): Finding {
  const changes = registers.flatMap(({ input, key, output, returnedAt }) => {
    const value = valueOf(input)
    const index = value === undefined ? undefined : places.get(value)?.[0]
    return output === true && value !== undefined && index !== undefined
      ? [{ key, index, value, returnedAt }]
      : []
  })
  return {
    promise: 'watches go forward and miss nothing',
    checked: `${observations.length} answers`,
    breaches: checkWatches(observations, changes, { wakeMax: wakeMaxMs }),
  }
}

/** A stale read may be old, but it was true once, and one life of one server does not forget what it showed. */
function findStaleBreaches(
  { staleReads }: Record,
  registers: readonly Operation<KvInput, RegisterOutput>[],
): Finding {
  const calls = new Map(
    registers.flatMap(({ calledAt, input }) => {
      const value = valueOf(input)
      return value === undefined ? [] : [[value, calledAt] as const]
    }),
  )
  const events = staleReads.map(({ calledAt, index, key, returnedAt, server }): IndexedEvent => ({
    scope: `${server} ${key}`,
    kind: 'read',
    what: 'stale read',
    index,
    calledAt,
    returnedAt,
  }))
  const invented = staleReads.filter(
    ({ value, returnedAt }) => value !== null && !((calls.get(value) ?? Infinity) <= returnedAt),
  )
  return {
    promise: 'stale reads were true, and go forward',
    checked: `${staleReads.length} reads`,
    breaches: [
      ...invented.map(({ key, server, value }) => `${server} ${key}: nobody wrote ${value}`),
      ...checkIndexOrder(events).map(({ text }) => text),
    ],
  }
}

/** A median of fewer tells little. */
const lossesMin = 10
const recoveryMax = 1.5

function findSlow(record: Record): Finding {
  const losses = replacements(record)
  const median = quantile(losses, 0.5)
  const isSlow = losses.length >= lossesMin && median > recoveryMax
  return {
    promise: `a lost leader is replaced in ${recoveryMax} election timeouts`,
    checked: losses.length < lossesMin ? 'too few to tell' : `the median of ${losses.length}`,
    breaches: isSlow ? [`the median is ${median.toFixed(2)}`] : [],
  }
}

/** Raft's State Machine Safety, read from the disks: what is committed is the same wherever it is. */
function findForks({ agreedIndex, logs }: Aftermath): Finding {
  const breaches: string[] = []
  const known = new Map<number, { readonly server: string; readonly name: string }>()
  let compared = 0
  for (const { commitIndex, entries, server } of logs)
    for (const { index, kind, payload, term } of entries.values()) {
      if (index > Math.max(commitIndex, agreedIndex)) continue
      compared += 1
      const name = `${term} ${kind} ${Buffer.from(payload).toString('base64')}`
      const other = known.get(index)
      if (other === undefined) known.set(index, { server, name })
      else if (other.name !== name)
        breaches.push(`${server} and ${other.server} hold different entries at ${index}`)
    }
  for (const { lastIndex, server } of logs)
    if (lastIndex < agreedIndex)
      breaches.push(`${server} applied ${agreedIndex}, and its log ends at ${lastIndex}`)
  return { promise: 'all logs agree', checked: `${compared} entries`, breaches }
}
