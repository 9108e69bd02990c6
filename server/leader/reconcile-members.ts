import { serfCheckId, serfFailedOutput } from '../model/check.ts'
import { describeError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'
import type { Registration } from '../model/registration.ts'
import { sleep } from '../runtime/clock.ts'
import { findCheck } from '../state/checks.ts'
import { findNode } from '../state/nodes.ts'
import type { Duty, LeaderContext } from './duty.ts'
import { isInCatalog, memberRegistration } from './member-registration.ts'

/** Members are looked at again this often, should anything have been missed (Consul's interval). */
const intervalMs = 60_000

/**
 * Makes catalog and consensus say what the pool says: who is alive stands in the catalog as passing, who failed as critical, who left
 * or was forgotten not at all; a server that is alive is let into the cluster, one that left is counted no longer. Consensus admits it
 * as a learner that only listens; when it may vote is decided elsewhere, once it has caught up.
 */
export const reconcileMembers: Duty = {
  name: 'reconcile members',
  async run(leader, signal) {
    let absent: ReadonlySet<string> = new Set()
    let forgetAtMs = leader.clock.monotonicMs() + intervalMs
    for (;;) {
      const changed = Promise.withResolvers<void>()
      const unsubscribe = leader.pool.onChange(() => changed.resolve())
      try {
        for (const member of leader.pool.members()) {
          signal.throwIfAborted()
          await reconcile(leader, member, signal)
        }
        if (leader.clock.monotonicMs() >= forgetAtMs) {
          absent = await forgetAbsent(leader, absent)
          forgetAtMs = leader.clock.monotonicMs() + intervalMs
        }
        const interrupted = new AbortController()
        const stop = AbortSignal.any([signal, interrupted.signal])
        await Promise.race([changed.promise, sleep(leader.clock, intervalMs, stop)]).finally(() =>
          interrupted.abort(),
        )
      } finally {
        unsubscribe()
      }
    }
  },
}

async function reconcile(
  leader: LeaderContext,
  member: Member,
  signal: AbortSignal,
): Promise<void> {
  switch (member.Status) {
    case memberStatus.alive:
      await show(leader, memberRegistration(member))
      return admit(leader, member, signal)
    case memberStatus.failed:
      return markFailed(leader, member)
    case memberStatus.left:
      await forget(leader, member.Name)
      return dismiss(leader, member, signal)
    default:
  }
}

/** Whatever the catalog says already is not said again: every change in a pool of thousands would be thousands of log entries. */
async function show({ propose, store }: LeaderContext, registration: Registration): Promise<void> {
  if (!isInCatalog(store, registration)) await propose('register', registration)
}

/** Only its check changes: what is known of a member that can't be reached stays. */
async function markFailed(leader: LeaderContext, member: Member): Promise<void> {
  const { store, log } = leader
  if (findNode(store, member.Name) === undefined) return
  const { Check, Service: _service, ...registration } = memberRegistration(member)
  if (Check === undefined) return
  if (findCheck(store, member.Name, serfCheckId)?.Status !== 'critical')
    log.info({ member: member.Name }, 'member failed, marking health critical')
  await show(leader, {
    ...registration,
    Check: { ...Check, Status: 'critical', Output: serfFailedOutput },
  })
}

async function forget({ propose, store, log }: LeaderContext, name: string): Promise<void> {
  if (findNode(store, name) === undefined) return
  log.info({ member: name }, 'deregistering member')
  await propose('deregister', { Node: name })
}

/**
 * Takes those out of the catalog whom the pool no longer knows, reaped while they were failed, or pruned: they have the check that only
 * members have. A leader that has just come back may not know everybody yet, so who is absent is so twice, a minute apart. Gives
 * those that are absent for the first time.
 */
async function forgetAbsent(
  leader: LeaderContext,
  before: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { pool, store } = leader
  const members = new Set(pool.members().map(({ Name }) => Name.toLowerCase()))
  const absent = [...store.nodes.all()]
    .map(({ Node }) => Node)
    .filter((name) => !members.has(name.toLowerCase()) && findCheck(store, name, serfCheckId))
  for (const name of absent) if (before.has(name)) await forget(leader, name)
  return new Set(absent)
}

async function admit(
  { pool, raft, log }: LeaderContext,
  member: Member,
  signal: AbortSignal,
): Promise<void> {
  const { role, id = '', port = '' } = member.Tags
  const { addresses, voters, learners, learnersNext } = raft.membership()
  if (role !== 'consul' || id === '' || [...voters, ...learners, ...learnersNext].includes(id))
    return
  log.info({ member: member.Name, id }, 'a server joins: it listens first')
  const address = hostPort(member.Addr, port)
  const alive = pool.members().filter(({ Status }) => Status === memberStatus.alive)
  // Who had its place before does not come back: that server lost its data, and its id with it.
  const replaced = Object.keys(addresses).filter(
    (other) => addresses[other] === address && !alive.some(({ Tags }) => Tags['id'] === other),
  )
  const removals = replaced.map((other) => ({ kind: 'remove', id: other }) as const)
  await raft
    .changeMembership([...removals, { kind: 'addLearner', id, address }], signal)
    .catch((error: unknown) =>
      log.warn({ id, error: describeError(error) }, 'a server was not let in'),
    )
}

async function dismiss(
  { raft, log }: LeaderContext,
  member: Member,
  signal: AbortSignal,
): Promise<void> {
  const { id = '' } = member.Tags
  const { voters, learners } = raft.membership()
  const isLast = voters.length === 1 && voters.includes(id)
  if (isLast || ![...voters, ...learners].includes(id)) return
  log.info({ member: member.Name, id }, 'a server left: it is counted no longer')
  await raft
    .changeMembership([{ kind: 'remove', id }], signal)
    .catch((error: unknown) =>
      log.warn({ id, error: describeError(error) }, 'a server was not removed'),
    )
}
