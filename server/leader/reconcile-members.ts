import { serfCheckId, serfFailedOutput } from '../model/check.ts'
import { describeError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'
import { sleep } from '../runtime/clock.ts'
import type { Duty, LeaderContext } from './duty.ts'
import { memberRegistration } from './member-registration.ts'

/** Members are looked at again this often, should anything have been missed (Consul's interval). */
const intervalMs = 60_000

/**
 * Makes catalog and consensus say what the pool says: who is alive stands in the catalog as passing, who failed as critical, who left
 * not at all; a server that is alive is let into the cluster, one that left is counted no longer. Consensus admits it as a learner
 * that only listens; when it may vote is decided elsewhere, once it has caught up.
 */
export const reconcileMembers: Duty = {
  name: 'reconcile members',
  async run(leader, signal) {
    for (;;) {
      const changed = Promise.withResolvers<void>()
      const unsubscribe = leader.pool.onChange(() => changed.resolve())
      try {
        for (const member of leader.pool.members()) {
          signal.throwIfAborted()
          await reconcile(leader, member, signal)
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
      await leader.propose('register', memberRegistration(member))
      return admit(leader, member, signal)
    case memberStatus.failed:
      return markFailed(leader, member)
    case memberStatus.left:
      await forget(leader, member)
      return dismiss(leader, member, signal)
    default:
  }
}

/** Only its check changes: what is known of a member that can't be reached stays. */
async function markFailed({ propose, store, log }: LeaderContext, member: Member): Promise<void> {
  const node = store.nodes.get(member.Name.toLowerCase())
  if (node === undefined) return
  const { Check, Service: _service, ...registration } = memberRegistration(member)
  if (Check === undefined) return
  const before = [...store.checks.withPrefix(`${member.Name.toLowerCase()}\u0000`)].find(
    ({ CheckID }) => CheckID === serfCheckId,
  )
  if (before?.Status !== 'critical')
    log.info({ member: member.Name }, 'member failed, marking health critical')
  await propose('register', {
    ...registration,
    Check: { ...Check, Status: 'critical', Output: serfFailedOutput },
  })
}

async function forget({ propose, store, log }: LeaderContext, member: Member): Promise<void> {
  if (store.nodes.get(member.Name.toLowerCase()) === undefined) return
  log.info({ member: member.Name }, 'deregistering member')
  await propose('deregister', { Node: member.Name })
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
