import { must } from '../../server/model/assert.ts'
import type { LockInput } from '../linearizability/models/lock.ts'
import type { RegisterInput } from '../linearizability/models/register.ts'
import type { TransactionStep } from '../linearizability/models/transaction.ts'
import type { Client } from './client.ts'
import type { KeyPool } from './key-pool.ts'
import type { Mode } from './record.ts'
import type { Outcome } from './request.ts'

/** A row of /v1/kv. */
interface Row {
  readonly Key: string
  readonly Value: string | null
  readonly ModifyIndex: number
  readonly LockIndex: number
  readonly Session?: string
}

export interface Pools {
  readonly registers: KeyPool
  readonly groups: KeyPool
  readonly locks: KeyPool
}

/** Reads, writes, conditional writes and deletes of single keys; and now and then a key that is written once, for the ledger. */
export async function useRegisters(client: Client, { registers }: Pools): Promise<void> {
  /** The last that this client read of each key, to make conditions of. */
  const known = new Map<string, { readonly value: string; readonly index: number }>()
  for (let count = 0; !client.isOver; count += 1) {
    const key = registers.pick(client.chance)
    const fresh = `${client.name}-${count}`
    const draw = client.chance.fraction()
    const before = known.get(key)
    let outcome: Outcome
    if (draw < 0.45) outcome = await read(client, key, known)
    else if (draw < 0.7)
      outcome = await write(client, registers, key, { verb: 'put', value: fresh })
    else if (draw < 0.85) {
      const expected = before?.value ?? null
      const input = { verb: 'cas', expected, value: fresh } as const
      outcome = await write(client, registers, key, input, before?.index ?? 0)
    } else if (draw < 0.88) outcome = await write(client, registers, key, { verb: 'delete' })
    else if (draw < 0.9 && before !== undefined) {
      const input = { verb: 'delete-cas', expected: before.value } as const
      outcome = await write(client, registers, key, input, before.index)
    } else {
      const path = `ledger/${fresh}`
      outcome = (await client.ask({ method: 'PUT', path: `/kv/${path}`, body: fresh })).outcome
      if (isDone(outcome)) client.record.ledger.set(path, fresh)
    }
    await client.rest(outcome)
  }
}

async function read(
  client: Client,
  key: string,
  known: Map<string, { readonly value: string; readonly index: number }>,
): Promise<Outcome> {
  const mode = client.pick<Mode>(['default', 'default', 'consistent', 'consistent', 'stale'])
  const server = client.door.name()
  let number = -1
  const { outcome, calledAt, returnedAt } = await client.ask(
    { method: 'GET', path: `/kv/${key}${mode === 'default' ? '' : `?${mode}`}` },
    (at) => {
      if (mode !== 'stale')
        number = client.record.registers.call(client.name, key, { verb: 'get', mode }, at)
    },
  )
  if (outcome.kind !== 'answered') {
    // A read that nobody answered was no event to anybody.
    if (number >= 0) client.record.registers.forget(number)
    return outcome
  }
  const row = rowOf(outcome)
  const value = row === undefined ? null : decode(row.Value)
  const { index } = outcome
  if (number >= 0) client.record.registers.return(number, value, returnedAt, index)
  else client.record.staleReads.push({ server, key, calledAt, returnedAt, index, value })
  if (row === undefined || value === null) known.delete(key)
  else known.set(key, { value, index: row.ModifyIndex })
  return outcome
}

async function write(
  client: Client,
  pool: KeyPool,
  key: string,
  input: RegisterInput,
  index?: number,
): Promise<Outcome> {
  const { registers } = client.record
  let number = -1
  const { outcome, returnedAt } = await client.ask(
    {
      method: 'value' in input ? 'PUT' : 'DELETE',
      path: `/kv/${key}${index === undefined ? '' : `?cas=${index}`}`,
      ...('value' in input ? { body: input.value } : {}),
    },
    (at) => (number = registers.call(client.name, key, input, at)),
  )
  if (outcome.kind === 'answered') registers.return(number, outcome.text === 'true', returnedAt)
  else if (outcome.kind === 'refused') registers.forget(number)
  else pool.noteOpen(key)
  return outcome
}

/** Two keys that are written together, and read together or alone. */
export async function useGroups(client: Client, { groups }: Pools): Promise<void> {
  for (let count = 0; !client.isOver; count += 1) {
    const group = groups.pick(client.chance)
    const [left, right] = [`${group}/left`, `${group}/right`]
    const value = `${client.name}-${count}`
    const draw = client.chance.fraction()
    const steps: readonly TransactionStep[] =
      draw < 0.35
        ? [
            { verb: 'set', key: left, value },
            { verb: 'set', key: right, value },
          ]
        : draw < 0.4
          ? [
              { verb: 'delete', key: left },
              { verb: 'delete', key: right },
            ]
          : draw < 0.5
            ? [
                { verb: 'set', key: left, value },
                { verb: 'check-not-exists', key: right },
              ]
            : draw < 0.8
              ? [
                  { verb: 'get', key: left },
                  { verb: 'get', key: right },
                ]
              : [{ verb: 'get', key: client.pick([left, right]) }]
    await client.rest(await transact(client, groups, group, steps))
  }
}

async function transact(
  client: Client,
  pool: KeyPool,
  group: string,
  steps: readonly TransactionStep[],
): Promise<Outcome> {
  const { groups } = client.record
  const isRead = steps.every(({ verb }) => verb === 'get')
  const mode = isRead ? client.pick<Mode>(['default', 'consistent']) : undefined
  const body = steps.map((step) => ({
    KV: {
      Verb: step.verb,
      Key: step.key,
      ...('value' in step ? { Value: Buffer.from(step.value).toString('base64') } : {}),
    },
  }))
  let number = -1
  const { outcome, returnedAt } = await client.ask(
    {
      method: 'PUT',
      path: `/txn${mode === 'consistent' ? '?consistent' : ''}`,
      body: JSON.stringify(body),
      isRead,
    },
    (at) =>
      (number = groups.call(
        client.name,
        group,
        { steps, ...(mode === undefined ? {} : { mode }) },
        at,
      )),
  )
  if (outcome.kind === 'answered') groups.return(number, seenIn(outcome, steps), returnedAt)
  else if (outcome.kind === 'refused' || isRead) groups.forget(number)
  else pool.noteOpen(group)
  return outcome
}

/** What the gets of a transaction saw; null where it was rolled back. */
function seenIn(
  { status, text }: Extract<Outcome, { kind: 'answered' }>,
  steps: readonly TransactionStep[],
): readonly string[] | null {
  if (status !== 200) return null
  const { Results } = JSON.parse(text) as { Results: { KV: Row }[] | null }
  const asked = new Set(steps.filter(({ verb }) => verb === 'get').map(({ key }) => key))
  return (Results ?? [])
    .filter(({ KV }) => asked.has(KV.Key))
    .map(({ KV }) => decode(KV.Value) ?? '')
}

/** Takes a lock, looks at its fence, and gives it back: by releasing it, or by ending the session that holds it. */
export async function useLocks(client: Client, { locks }: Pools): Promise<void> {
  while (!client.isOver) {
    const key = locks.pick(client.chance)
    const session = await makeSession(client)
    for (let turn = 0; turn < 5 && !client.isOver; turn += 1) {
      const taken = await lockStep(client, locks, key, { verb: 'acquire', session })
      await client.rest(taken.outcome)
      if (isDone(taken.outcome)) {
        const { outcome } = await readLock(client, key)
        const row = outcome.kind === 'answered' ? rowOf(outcome) : undefined
        const fence = row?.Session === session ? row.LockIndex : undefined
        await client.sleep(client.chance.fraction() * 50)
        const holding = {
          lock: key,
          holder: session,
          from: taken.returnedAt,
          until: client.record.now(),
        }
        client.record.holdings.push({ ...holding, fence })
      }
      // Of a lock that may or may not be held nothing is known until the session ends.
      if (taken.outcome.kind === 'unknown' || client.chance.fraction() < 0.3) break
      const released = await lockStep(client, locks, key, { verb: 'release', session })
      await client.rest(released.outcome)
      if (released.outcome.kind !== 'answered') break
    }
    for (let isEnded = false; !isEnded && !client.isOver;) {
      const { outcome } = await lockStep(client, locks, key, { verb: 'destroy', session })
      isEnded = outcome.kind === 'answered'
      await client.rest(outcome)
    }
  }
}

async function makeSession(client: Client): Promise<string> {
  // Without checks or a lock delay it ends when it is told to, and at no other time.
  const body = JSON.stringify({ Checks: [], LockDelay: '0s', Name: client.name })
  while (!client.isOver) {
    const { outcome } = await client.ask({ method: 'PUT', path: '/session/create', body })
    if (isDone(outcome) && outcome.kind === 'answered')
      return (JSON.parse(outcome.text) as { ID: string }).ID
    await client.rest(outcome.kind === 'answered' ? undefined : outcome)
  }
  return ''
}

async function lockStep(
  client: Client,
  pool: KeyPool,
  key: string,
  input: Exclude<LockInput, { verb: 'read' }>,
): Promise<{ readonly outcome: Outcome; readonly returnedAt: number }> {
  const { locks } = client.record
  const { session, verb } = input
  const path = verb === 'destroy' ? `/session/destroy/${session}` : `/kv/${key}?${verb}=${session}`
  let number = -1
  const { outcome, returnedAt } = await client.ask(
    { method: 'PUT', path, ...(verb === 'destroy' ? {} : { body: session }) },
    (at) => (number = locks.call(client.name, key, input, at)),
  )
  if (outcome.kind === 'answered') locks.return(number, outcome.text === 'true', returnedAt)
  else if (outcome.kind === 'refused') locks.forget(number)
  else pool.noteOpen(key)
  return { outcome, returnedAt }
}

async function readLock(client: Client, key: string): Promise<{ readonly outcome: Outcome }> {
  const { locks } = client.record
  let number = -1
  const { outcome, returnedAt } = await client.ask(
    { method: 'GET', path: `/kv/${key}?consistent` },
    (at) => (number = locks.call(client.name, key, { verb: 'read' }, at)),
  )
  if (outcome.kind === 'answered') {
    const row = rowOf(outcome)
    const seen = { holder: row?.Session ?? null, lockIndex: row?.LockIndex ?? 0 }
    locks.return(number, seen, returnedAt)
  } else locks.forget(number)
  return { outcome }
}

/** A blocking query after another, on one key until nobody writes it any more. */
export async function watch(client: Client, { registers }: Pools): Promise<void> {
  while (!client.isOver) {
    const key = registers.pick(client.chance)
    for (let after = 0; !client.isOver && registers.isLive(key);) {
      const query = after === 0 ? '' : `?index=${after}&wait=${watchWaitSeconds}s`
      const { outcome, calledAt, returnedAt } = await client.ask({
        method: 'GET',
        path: `/kv/${key}${query}`,
        timeoutMs: 2 * watchWaitSeconds * 1000,
      })
      if (outcome.kind === 'answered') {
        const row = rowOf(outcome)
        const value = row === undefined ? null : decode(row.Value)
        const { index } = outcome
        const seen = { watcher: client.name, key, after, calledAt, returnedAt, index, value }
        client.record.observations.push(seen)
        after = index
      } else await client.rest(outcome)
    }
  }
}

const watchWaitSeconds = 30

function isDone(outcome: Outcome): boolean {
  return outcome.kind === 'answered' && outcome.status === 200 && outcome.text !== 'false'
}

export function rowOf({ status, text }: Extract<Outcome, { kind: 'answered' }>): Row | undefined {
  return status === 200 ? must((JSON.parse(text) as Row[])[0], 'a row') : undefined
}

export function decode(value: string | null): string | null {
  return value === null ? null : Buffer.from(value, 'base64').toString()
}
