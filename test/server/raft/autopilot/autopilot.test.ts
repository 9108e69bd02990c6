import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'
import t from 'tap'

import { defaultAutopilotConfig } from '../../../../server/model/autopilot.ts'
import type { AutopilotState } from '../../../../server/model/autopilot.ts'
import { PraetorError } from '../../../../server/model/errors.ts'
import { computeState } from '../../../../server/raft/autopilot/compute.ts'
import type { AutopilotInputs, KnownServer } from '../../../../server/raft/autopilot/compute.ts'
import { nextAction } from '../../../../server/raft/autopilot/reconcile.ts'
import type { AutopilotAction } from '../../../../server/raft/autopilot/reconcile.ts'
import { Autopilot } from '../../../../server/raft/autopilot/run.ts'
import { changeMembership } from '../../../../server/raft/core/membership.ts'
import type { MembershipChange } from '../../../../server/raft/core/output.ts'
import { emptyMembership } from '../../../../server/raft/types.ts'
import type { Membership } from '../../../../server/raft/types.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { VirtualClock } from '../../../support/clock.ts'

type Inputs = AutopilotInputs & { readonly startedMs: number }

function decide(inputs: Inputs) {
  const assessment = computeState(inputs)
  return { assessment, action: nextAction({ ...inputs, assessment }) }
}

interface Golden {
  readonly name: string
  readonly inputs: Inputs
  readonly state: AutopilotState
  readonly stableSinceMs: Readonly<Record<string, number>>
  readonly action: Pick<AutopilotAction, 'kind' | 'changes'> | null
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../golden/autopilot.json'), 'utf8'),
) as readonly Golden[]

for (const { name, inputs, state, stableSinceMs, action } of golden)
  t.test(name, async (t) => {
    const decided = decide(inputs)
    t.strictSame(decided.assessment, { state, stableSinceMs })
    const { kind, changes } = decided.action ?? {}
    t.strictSame(decided.action === undefined ? null : { kind, changes }, action)
  })

const ids = ['id1', 'id2', 'id3', 'id4', 'id5', 'id6', 'id7']

/** Any look that a leader may have at up to seven servers, itself the first. */
const looks: fc.Arbitrary<Inputs> = fc
  .record({
    roles: fc.array(fc.constantFrom('voter', 'voter', 'learner', 'none'), {
      minLength: 6,
      maxLength: 6,
    }),
    statuses: fc.array(fc.constantFrom('alive', 'leaving', 'left', 'failed', 'unknown'), {
      minLength: 7,
      maxLength: 7,
    }),
    silencesMs: fc.array(fc.constantFrom(0, 100, 900, 1100, 50_000, Infinity), {
      minLength: 6,
      maxLength: 6,
    }),
    behind: fc.array(fc.constantFrom(0, 10, 1000), { minLength: 6, maxLength: 6 }),
    moved: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    MinQuorum: fc.nat(7),
    startedMs: fc.constantFrom(0, 95_000, 199_000),
  })
  .map(({ roles, statuses, silencesMs, behind, moved, MinQuorum, startedMs }) => {
    const inRole = (role: string) => ids.slice(1).filter((_, at) => roles[at] === role)
    const voters = ['id1', ...inRole('voter')]
    const learners = inRole('learner')
    const addresses = Object.fromEntries([...voters, ...learners].map((id) => [id, `${id}:8300`]))
    return {
      nowMs: 200_000,
      wallMs: 0,
      startedMs,
      config: { ...defaultAutopilotConfig, MinQuorum },
      leader: 'id1',
      last: { term: 3, index: 5000 },
      membership: { ...emptyMembership, voters, learners, addresses },
      followers: ids.slice(1).map((id, at) => ({
        id,
        last: { term: 3, index: 5000 - (behind[at] ?? 0) },
        heardMs: 200_000 - (silencesMs[at] ?? 0),
      })),
      known: ids.flatMap((id, at) =>
        statuses[at] === 'unknown'
          ? []
          : [
              {
                id,
                name: id,
                address: moved[at] === true ? `${id}:9300` : `${id}:8300`,
                status: statuses[at] as KnownServer['status'],
                version: '',
                meta: {},
              },
            ],
      ),
      heartbeatMs: 100,
      previous: undefined,
    }
  })

t.test('whatever a leader sees, it never gives up what it needs', async () => {
  fc.assert(
    fc.property(looks, (inputs) => {
      const { action } = decide(inputs)
      if (action === undefined) return true
      const { voters } = inputs.membership
      const after = changeMembership(inputs.membership, action.changes)
      if (after === null) return false
      const lost = voters.filter((id) => !after.voters.includes(id))
      const heard = inputs.followers.filter(({ heardMs }) => inputs.nowMs - heardMs <= 1000)
      return (
        after.voters.includes('id1') &&
        lost.length <= (voters.length - 1) / 2 &&
        (lost.length === 0 || after.voters.length >= inputs.config.MinQuorum) &&
        !heard.some(({ id }) => lost.includes(id)) &&
        (lost.length === 0 || action.kind === 'remove')
      )
    }),
    { verbose: true, numRuns: 2000 },
  )
})

t.test('one who votes is well, and was in the cluster already', async () => {
  fc.assert(
    fc.property(looks, (inputs) => {
      const { action, assessment } = decide(inputs)
      if (action?.kind !== 'promote') return true
      return action.changes.every(
        ({ id }) =>
          inputs.membership.learners.includes(id) &&
          assessment.state.Servers.some(({ ID, Healthy }) => ID === id && Healthy),
      )
    }),
    { verbose: true, numRuns: 1000 },
  )
})

const memberOf = (n: number, status: KnownServer['status'] = 'alive'): KnownServer => ({
  id: `id${n}`,
  name: `s${n}`,
  address: `id${n}:8300`,
  status,
  version: '1.8.7',
  meta: {},
})

function world(voters: readonly string[], learners: readonly string[] = []) {
  const clock = new VirtualClock()
  const seen = {
    membership: {
      ...emptyMembership,
      voters,
      learners,
      addresses: Object.fromEntries([...voters, ...learners].map((id) => [id, `${id}:8300`])),
    } as Membership,
    config: defaultAutopilotConfig,
    known: [memberOf(1), memberOf(2), memberOf(3)],
    silent: new Set<string>(),
    busy: false,
    changes: [] as MembershipChange[],
    forgotten: [] as string[],
    warnings: [] as string[],
    gauges: {} as Record<string, number>,
  }
  const autopilot = new Autopilot({
    id: 'id1',
    heartbeatMs: 100,
    clock,
    raft: {
      lastEntry: () => ({ term: 2, index: 10 }),
      membership: () => seen.membership,
      followers: () =>
        ['id2', 'id3'].map((id) => ({
          id,
          last: { term: 2, index: 10 },
          heardMs: seen.silent.has(id) ? -Infinity : clock.monotonicMs(),
        })),
      changeMembership: async (changes) => {
        if (seen.busy) throw new PraetorError('conflict', 'a change is under way')
        seen.changes.push(...changes)
        seen.membership = changeMembership(seen.membership, changes) ?? seen.membership
      },
    },
    config: () => seen.config,
    known: () => seen.known,
    forget: (name) => void seen.forgotten.push(name),
    log: { ...noLog, warn: (_fields, message = '') => void seen.warnings.push(message) },
    metrics: { count() {}, sample() {}, gauge: (name, value) => void (seen.gauges[name] = value) },
  })
  const stop = new AbortController()
  const running = autopilot.run(stop.signal).catch((error: unknown) => error)
  return { clock, seen, autopilot, stop, running }
}

t.test('servers are looked at every two seconds, and something is done every ten', async (t) => {
  const { clock, seen, stop, running } = world(['id1', 'id2', 'id3'])
  await clock.advance(10_000)
  t.strictSame(seen.gauges, { 'autopilot.healthy': 1, 'autopilot.failure_tolerance': 1 })
  seen.silent.add('id3')
  seen.known = [memberOf(1), memberOf(2), memberOf(3, 'failed')]
  await clock.advance(2_000)
  t.strictSame(seen.gauges, { 'autopilot.healthy': 0, 'autopilot.failure_tolerance': 0 })
  t.strictSame(seen.changes, [])
  await clock.advance(8_000)
  t.strictSame(seen.changes, [{ kind: 'remove', id: 'id3' }])
  t.strictSame(seen.forgotten, ['s3'])
  stop.abort()
  await running
  t.equal(clock.timers, 0)
})

t.test(
  'a change that could not be made is tried again, and nobody is forgotten before',
  async (t) => {
    const { clock, seen, stop, running } = world(['id1', 'id2', 'id3'])
    seen.busy = true
    seen.silent.add('id3')
    seen.known = [memberOf(1), memberOf(2), memberOf(3, 'failed')]
    await clock.advance(10_000)
    t.match(seen.warnings, [/could not change the members/])
    t.strictSame([seen.changes, seen.forgotten], [[], []])
    seen.busy = false
    await clock.advance(10_000)
    t.strictSame(seen.forgotten, ['s3'])
    stop.abort()
    await running
  },
)

t.test('an even number of voters is warned of once', async (t) => {
  const { clock, seen, stop, running } = world(['id1', 'id2'])
  await clock.advance(50_000)
  t.match(seen.warnings, [/^An even number of voting servers/])
  stop.abort()
  await running
})

t.test('learners are made voters, and the settings of the moment count', async (t) => {
  const { clock, seen, autopilot, stop, running } = world(['id1'], ['id2', 'id3'])
  seen.config = { ...defaultAutopilotConfig, ServerStabilizationTimeMs: 60_000 }
  await clock.advance(9_999)
  t.match(autopilot.state(), { Voters: ['id1'], Healthy: true })
  await clock.advance(1)
  t.match(autopilot.state(), { Voters: ['id1', 'id2', 'id3'], FailureTolerance: 1 })
  stop.abort()
  await running
})
