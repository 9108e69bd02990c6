import t from 'tap'

import { AliasCheck, aliasedStatus } from '../../../agent/checks/alias.ts'
import type { AliasedCheck, AliasSources } from '../../../agent/checks/alias.ts'
import type { CheckRow, ServiceRow } from '../../../agent/local/definitions.ts'
import { LocalState } from '../../../agent/local/state.ts'
import { emptyCheckDefinition } from '../../../server/model/definition.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import type { Rpc } from '../../../server/model/methods.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { settle, VirtualClock } from '../../support/clock.ts'

const row = (CheckID: string, ServiceID: string, Status: string, Output = ''): CheckRow => ({
  Node: 'n1',
  CheckID,
  Name: `check ${CheckID}`,
  Status,
  Notes: '',
  Output,
  ServiceID,
  ServiceName: ServiceID,
  ServiceTags: null,
  Type: 'ttl',
  Definition: {},
})

const service = (ID: string): ServiceRow => ({
  ID,
  Service: ID,
  Tags: null,
  Address: '',
  Meta: null,
  Port: 0,
  Weights: { Passing: 1, Warning: 1 },
  EnableTagOverride: false,
  Proxy: {},
  Connect: {},
})

t.test('an alias is as bad as the worst of what it stands for', (t) => {
  const target = { self: { Node: 'n1', CheckID: 'alias' }, node: '', serviceId: 'web' }
  const failing = (id: string, words: string): string =>
    `Aliased check "check ${id}" failing: ${words}`
  const cases: readonly (readonly [AliasedCheck[], string, string])[] = [
    [[], 'passing', 'No checks found.'],
    [[row('a', 'web', 'passing')], 'passing', 'All checks passing.'],
    [[row('a', 'other', 'critical')], 'passing', 'No checks found.'],
    [[row('a', '', 'critical', 'disk')], 'critical', failing('a', 'disk')],
    [[row('a', 'web', 'warning', 'w'), row('b', 'web', 'passing')], 'warning', failing('a', 'w')],
    [[row('a', 'web', 'warning'), row('b', 'web', 'critical', 'c')], 'critical', failing('b', 'c')],
    [
      [row('a', 'web', 'critical', '1'), row('b', 'web', 'critical')],
      'critical',
      failing('a', '1'),
    ],
    [[row('alias', 'web', 'critical')], 'passing', 'No checks found.'],
    [[{ ...row('alias', 'web', 'critical', 'x'), Node: 'n2' }], 'critical', failing('alias', 'x')],
  ]
  for (const [checks, status, output] of cases)
    t.strictSame(aliasedStatus(checks, target, true), { status, output }, output)
  t.strictSame(aliasedStatus([], { ...target, node: 'n2' }, false), {
    status: 'critical',
    output: 'Service web could not be found on node n2',
  })
  t.strictSame(aliasedStatus([], { ...target, serviceId: '', node: 'n2' }, false), {
    status: 'passing',
    output: 'No checks found.',
  })
  t.end()
})

function sourcesOf(state: LocalState, rpc: Rpc): AliasSources {
  return {
    rpc,
    node: 'n1',
    checks: (id) => state.checksConcerning(id),
    hasService: (id) => state.service(id) !== undefined,
    watchService: (id, listener) => state.watchService(id, listener),
  }
}

const noRpc: Rpc = {
  read: () => Promise.reject(new PraetorError('failed', 'No cluster leader')),
  write: () => Promise.reject(new PraetorError('failed', 'No cluster leader')),
}

t.test('an alias follows its service without asking anybody', async (t) => {
  const clock = new VirtualClock()
  const state = new LocalState({
    clock,
    chance: seededChance(1),
    checkUpdateIntervalMs: 300_000,
    discardCheckOutput: false,
  })
  const reports: string[] = []
  const alias = new AliasCheck('alias', { ...emptyCheckDefinition, AliasService: 'web' }, '', {
    sources: sourcesOf(state, noRpc),
    clock,
    report: (status, output) => reports.push(`${status}: ${output}`),
  })
  const put = (check: CheckRow): void => state.putCheck(check, '', { keepStatus: false })
  const missing = 'critical: Service web could not be found on node '
  t.strictSame(reports.splice(0), [missing])
  state.putService(service('web'), '')
  put(row('a', 'web', 'passing'))
  put(row('b', 'other', 'critical'))
  t.strictSame(reports.splice(0), ['passing: No checks found.', 'passing: All checks passing.'])
  state.updateCheck('a', 'passing', 'new words')
  t.strictSame(reports.splice(0), [], 'words alone are looked at in their time')
  state.updateCheck('a', 'critical', 'down')
  const down = 'critical: Aliased check "check a" failing: down'
  t.strictSame(reports.splice(0), [down])
  state.updateCheck('a', 'critical', 'further down')
  await clock.advance(60_000)
  t.strictSame(reports.splice(0), ['critical: Aliased check "check a" failing: further down'])
  state.removeCheck('a')
  put(row('n', '', 'warning', 'disk'))
  t.strictSame(reports.splice(0), [
    'passing: No checks found.',
    'warning: Aliased check "check n" failing: disk',
  ])
  state.removeCheck('n')
  state.removeService('web')
  t.strictSame(reports.splice(0), ['passing: No checks found.', missing])
  alias[Symbol.dispose]()
  state.putService(service('web'), '')
  t.strictSame(reports, [])
  state[Symbol.dispose]()
  t.equal(clock.timers, 0)
})

t.test("an alias of another node's service asks the servers until it has changed", async (t) => {
  const clock = new VirtualClock()
  const questions: unknown[] = []
  const reports: string[] = []
  let answers: (() => void)[] = []
  let checks: readonly CheckRow[] = [row('a', 'web', 'passing')]
  const read = async (method: string, args: object, options: object): Promise<unknown> => {
    if (method === 'Catalog.NodeServices')
      return { value: { Node: {}, Services: [service('web')] }, meta: { index: 1 } }
    const { minIndex, token, consistency } = options as Record<string, unknown>
    questions.push({ method, ...args, minIndex, token, consistency })
    if (questions.length > 1) await new Promise<void>((resolve) => answers.push(resolve))
    return { value: checks, meta: { index: 40 + questions.length } }
  }
  const alias = new AliasCheck(
    'alias',
    { ...emptyCheckDefinition, AliasNode: 'n2', AliasService: 'web' },
    'secret',
    {
      sources: {
        ...sourcesOf(
          new LocalState({
            clock,
            chance: seededChance(1),
            checkUpdateIntervalMs: 0,
            discardCheckOutput: false,
          }),
          { ...noRpc, read: read as Rpc['read'] },
        ),
      },
      clock,
      report: (status, output) => reports.push(`${status}: ${output}`),
    },
  )
  await settle()
  const asked = { method: 'Health.NodeChecks', Node: 'n2', token: 'secret', consistency: 'stale' }
  t.strictSame(questions, [
    { ...asked, minIndex: 0 },
    { ...asked, minIndex: 41 },
  ])
  checks = [row('a', 'web', 'critical', 'gone')]
  for (const answer of answers.splice(0)) answer()
  await settle()
  t.strictSame(reports, [
    'passing: All checks passing.',
    'critical: Aliased check "check a" failing: gone',
  ])
  t.equal(questions.length, 3)
  alias[Symbol.dispose]()
  answers = []
})

t.test('an alias that the servers do not answer is critical, and asks less and less', async (t) => {
  const clock = new VirtualClock()
  const times: number[] = []
  const reports: string[] = []
  const state = new LocalState({
    clock,
    chance: seededChance(1),
    checkUpdateIntervalMs: 0,
    discardCheckOutput: false,
  })
  const read: Rpc['read'] = () => {
    times.push(Math.floor(clock.monotonicMs() / 1000))
    return Promise.reject(new PraetorError('failed', 'No cluster leader'))
  }
  const alias = new AliasCheck('alias', { ...emptyCheckDefinition, AliasNode: 'n2' }, '', {
    sources: sourcesOf(state, { ...noRpc, read }),
    clock,
    report: (status, output) => reports.push(`${status}: ${output}`),
  })
  await clock.advance(200_000)
  t.strictSame(times, [0, 0, 0, 0, 2, 6, 14, 30, 62, 122, 182])
  t.equal(reports[0], 'critical: Failure checking aliased node or service: No cluster leader')
  alias[Symbol.dispose]()
  await settle()
  t.equal(clock.timers, 0)
})
