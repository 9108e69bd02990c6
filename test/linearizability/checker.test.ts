import fc from 'fast-check'
import t from 'tap'

import { must } from '../../server/model/assert.ts'
import { checkLinearizable } from './checker.ts'
import { decodeHistory, encodeHistory, History, type Operation } from './history.ts'
import type { Model } from './model.ts'
import { list, type ListInput } from './models/list.ts'
import { lock, type LockInput, type LockOutput } from './models/lock.ts'
import { register, type RegisterInput, type RegisterOutput } from './models/register.ts'
import { transaction, type TransactionInput } from './models/transaction.ts'
import {
  anyRegisterHistories,
  busyHistory,
  legalHistories,
  registerInput,
} from './random-history.ts'
import { resolveOpen } from './resolve.ts'
import { search } from './search.ts'

/** `[call, return, operation, answer]`; a return of Infinity is no answer. */
type Row<Input, Output> = readonly [number, number, Input, Output?]

function history<Input, Output>(
  rows: readonly Row<Input, Output>[],
  key = 'k',
): Operation<Input, Output>[] {
  return rows.map(([calledAt, returnedAt, input, output], number) => ({
    client: `c${number}`,
    key,
    input,
    calledAt,
    returnedAt,
    output,
  }))
}

const get: RegisterInput = { verb: 'get' }
const put = (value: string): RegisterInput => ({ verb: 'put', value })
const cas = (expected: string | null, value: string): RegisterInput => ({
  verb: 'cas',
  expected,
  value,
})
const remove: RegisterInput = { verb: 'delete' }

const registerTable: readonly (readonly [
  name: string,
  kind: 'legal' | 'illegal',
  rows: readonly Row<RegisterInput, RegisterOutput>[],
])[] = [
  ['nothing happened', 'legal', []],
  ['a read of what is not there', 'legal', [[0, 1, get, null]]],
  ['a read of what nobody wrote', 'illegal', [[0, 1, get, 'a']]],
  [
    'a write that is read',
    'legal',
    [
      [0, 1, put('a'), true],
      [2, 3, get, 'a'],
    ],
  ],
  [
    'a write that is not read: a stale read',
    'illegal',
    [
      [0, 1, put('a'), true],
      [2, 3, get, null],
    ],
  ],
  [
    'a write in flight may be seen or not, once each way',
    'legal',
    [
      [0, 10, put('a'), true],
      [1, 2, get, null],
      [3, 4, get, 'a'],
    ],
  ],
  [
    'a write in flight that was seen stays seen',
    'illegal',
    [
      [0, 10, put('a'), true],
      [1, 2, get, 'a'],
      [3, 4, get, null],
    ],
  ],
  [
    'at the same instant is at the same time',
    'legal',
    [
      [0, 5, put('a'), true],
      [5, 6, get, null],
    ],
  ],
  [
    'a write that nobody answered may have happened',
    'legal',
    [
      [0, Infinity, put('a')],
      [2, 3, get, 'a'],
    ],
  ],
  [
    'or not',
    'legal',
    [
      [0, Infinity, put('a')],
      [2, 3, get, null],
    ],
  ],
  [
    'or late',
    'legal',
    [
      [0, Infinity, put('a')],
      [2, 3, get, null],
      [4, 5, get, 'a'],
    ],
  ],
  [
    'but not before it was asked for',
    'illegal',
    [
      [0, 1, get, 'a'],
      [2, Infinity, put('a')],
    ],
  ],
  [
    'and not twice',
    'illegal',
    [
      [0, Infinity, put('a')],
      [1, 2, put('b'), true],
      [3, 4, get, 'a'],
      [5, 6, put('c'), true],
      [7, 8, get, 'a'],
    ],
  ],
  [
    'one of two conditional writes wins',
    'illegal',
    [
      [0, 5, cas(null, 'a'), true],
      [0, 5, cas(null, 'b'), true],
    ],
  ],
  [
    'a condition that failed says what was there',
    'illegal',
    [
      [0, 1, put('a'), true],
      [2, 3, cas('a', 'b'), false],
    ],
  ],
  [
    'a failed condition is explained by a write that nobody answered or read',
    'legal',
    [
      [0, 1, put('a'), true],
      [2, Infinity, put('b')],
      [3, 4, cas('a', 'c'), false],
      [5, 6, put('d'), true],
    ],
  ],
  [
    'a write done by some time, whatever it answered, is not undone',
    'illegal',
    [
      [0, 1, cas(null, 'a')],
      [2, 3, get, null],
    ],
  ],
  [
    'a deleted key is gone',
    'illegal',
    [
      [0, 1, put('a'), true],
      [2, 3, remove, true],
      [4, 5, get, 'a'],
    ],
  ],
  [
    'two readers agree on the order of two writes',
    'illegal',
    [
      [0, 20, put('a'), true],
      [0, 20, put('b'), true],
      [1, 2, get, 'a'],
      [3, 4, get, 'b'],
      [5, 6, get, 'a'],
    ],
  ],
]

t.test('a register', (t) => {
  for (const [name, kind, rows] of registerTable)
    t.equal(checkLinearizable(register, history(rows)).kind, kind, name)
  t.end()
})

t.test('a lock, its list of holders, and what they may see', (t) => {
  const acquire = (session: string): LockInput => ({ verb: 'acquire', session })
  const release = (session: string): LockInput => ({ verb: 'release', session })
  const destroy = (session: string): LockInput => ({ verb: 'destroy', session })
  const read: LockInput = { verb: 'read' }
  const table: readonly (readonly ['legal' | 'illegal', readonly Row<LockInput, LockOutput>[]])[] =
    [
      [
        'legal',
        [
          [0, 1, acquire('s'), true],
          [2, 3, acquire('s'), true],
          [4, 5, acquire('z'), false],
          [6, 7, read, { holder: 's', lockIndex: 1 }],
          [8, 9, release('z'), false],
          [10, 11, release('s'), true],
          [12, 13, acquire('z'), true],
          [14, 15, read, { holder: 'z', lockIndex: 2 }],
        ],
      ],
      [
        'legal',
        [
          [0, 1, acquire('s'), true],
          [2, 3, destroy('s'), true],
          [4, 5, read, { holder: null, lockIndex: 1 }],
          [6, 7, acquire('z'), true],
        ],
      ],
      [
        'illegal',
        [
          [0, 1, acquire('s'), true],
          [2, 3, acquire('z'), true],
        ],
      ],
      [
        'illegal',
        [
          [0, 1, acquire('s'), true],
          [2, 3, read, { holder: 's', lockIndex: 2 }],
        ],
      ],
      ['illegal', [[0, 1, release('s'), true]]],
    ]
  for (const [number, [kind, rows]] of table.entries())
    t.equal(checkLinearizable(lock, history(rows)).kind, kind, `history ${number}`)
  t.end()
})

t.test('a list that only grows, and keys that are written together', (t) => {
  const append = (value: string): ListInput => ({ verb: 'append', value })
  const read: ListInput = { verb: 'read' }
  const lists: readonly (readonly [
    'legal' | 'illegal',
    readonly Row<ListInput, readonly string[] | null>[],
  ])[] = [
    [
      'legal',
      [
        [0, 5, append('a'), null],
        [0, 5, append('b'), null],
        [6, 7, read, ['b', 'a']],
      ],
    ],
    [
      'illegal',
      [
        [0, 1, append('a'), null],
        [2, 3, append('b'), null],
        [4, 5, read, ['b', 'a']],
      ],
    ],
    [
      'illegal',
      [
        [0, 1, append('a'), null],
        [2, 3, read, []],
      ],
    ],
    [
      'illegal',
      [
        [0, Infinity, append('a')],
        [2, 3, read, ['a', 'a']],
      ],
    ],
  ]
  for (const [number, [kind, rows]] of lists.entries())
    t.equal(checkLinearizable(list, history(rows)).kind, kind, `list ${number}`)

  const both = (value: string): TransactionInput => ({
    steps: [
      { verb: 'set', key: 'x', value },
      { verb: 'set', key: 'y', value },
    ],
  })
  const gets: TransactionInput = {
    steps: [
      { verb: 'get', key: 'x' },
      { verb: 'get', key: 'y' },
    ],
  }
  const unlessThere: TransactionInput = {
    steps: [
      { verb: 'set', key: 'x', value: 'no' },
      { verb: 'check-not-exists', key: 'y' },
    ],
  }
  const groups: readonly (readonly [
    'legal' | 'illegal',
    readonly Row<TransactionInput, readonly string[] | null>[],
  ])[] = [
    [
      'legal',
      [
        [0, 1, gets, null],
        [2, 3, both('a'), []],
        [4, 5, unlessThere, null],
        [6, 7, gets, ['a', 'a']],
      ],
    ],
    [
      'illegal',
      [
        [0, 10, both('a'), []],
        [0, 10, both('b'), []],
        [4, 5, gets, ['a', 'b']],
      ],
    ],
    [
      'illegal',
      [
        [0, 1, both('a'), []],
        [2, 3, unlessThere, null],
        [4, 5, gets, ['no', 'a']],
      ],
    ],
  ]
  for (const [number, [kind, rows]] of groups.entries())
    t.equal(checkLinearizable(transaction, history(rows)).kind, kind, `group ${number}`)
  t.end()
})

/** Tries every order of every choice of what happened. */
function naive<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): boolean {
  const place = (state: State, left: readonly Operation<Input, Output>[]): boolean =>
    left.every(({ returnedAt }) => returnedAt === Infinity) ||
    left.some((operation) => {
      if (left.some(({ returnedAt }) => returnedAt < operation.calledAt)) return false
      const applied = model.apply(state, operation.input)
      if (operation.output !== undefined && !model.agrees(applied.output, operation.output))
        return false
      return place(
        applied.state,
        left.filter((other) => other !== operation),
      )
    })
  return place(model.initial, operations)
}

t.test('the verdict is that of trying all orders', (t) => {
  const counts = { legal: 0, illegal: 0 }
  fc.assert(
    fc.property(anyRegisterHistories, (operations) => {
      const kind = naive(register, operations) ? 'legal' : 'illegal'
      counts[kind] += 1
      return checkLinearizable(register, operations).kind === kind
    }),
    { numRuns: 5000 },
  )
  t.comment(counts)
  t.ok(counts.legal > 100 && counts.illegal > 100, 'both were there')
  t.end()
})

t.test('what was made from an order is accepted, and the order found explains it', (t) => {
  fc.assert(
    fc.property(legalHistories(register, registerInput), (operations) => {
      const { kind, order } = search({ model: register, operations, stepsMax: 1e6 })
      if (kind !== 'legal') return false
      let state = register.initial
      return (
        operations.every(
          (operation) => operation.returnedAt === Infinity || order.includes(operation),
        ) &&
        order.every((operation, position) => {
          const applied = register.apply(state, operation.input)
          state = applied.state
          return (
            (operation.output === undefined || operation.output === applied.output) &&
            order.slice(position + 1).every(({ returnedAt }) => returnedAt >= operation.calledAt)
          )
        })
      )
    }),
    { numRuns: 500 },
  )
  const session = fc.constantFrom('s', 'z')
  const lockInput: fc.Arbitrary<LockInput> = fc.oneof(
    fc.record({ verb: fc.constantFrom('acquire', 'release', 'destroy'), session }),
    fc.constant<LockInput>({ verb: 'read' }),
  )
  const listInput: fc.Arbitrary<ListInput> = fc.oneof(
    fc.record({ verb: fc.constant('append' as const), value: fc.constantFrom('a', 'b') }),
    fc.constant<ListInput>({ verb: 'read' }),
  )
  const isAccepted = <State, Input, Output>(
    model: Model<State, Input, Output>,
    input: fc.Arbitrary<Input>,
  ): void =>
    fc.assert(
      fc.property(
        legalHistories(model, input, { operationsMax: 20 }),
        (operations) => checkLinearizable(model, operations).kind === 'legal',
      ),
    )
  isAccepted(lock, lockInput)
  isAccepted(list, listInput)
  t.pass('locks and lists too')
  t.end()
})

t.test('one wrong answer among right ones is found wherever it contradicts them', (t) => {
  let contradictions = 0
  fc.assert(
    fc.property(
      legalHistories(register, registerInput, { operationsMax: 7 }),
      fc.nat(),
      fc.constantFrom<RegisterOutput>('a', 'b', 'c', null, true, false),
      (operations, choice, output) => {
        const answered = operations.filter(({ returnedAt }) => returnedAt !== Infinity)
        const wronged = answered[choice % Math.max(1, answered.length)]
        const changed = operations.map((operation) =>
          operation === wronged ? { ...operation, output } : operation,
        )
        const isLegal = naive(register, changed)
        const verdict = checkLinearizable(register, changed)
        if (isLegal) return verdict.kind === 'legal'
        contradictions += 1
        const [explanation] = verdict.explanations
        return verdict.kind === 'illegal' && isTrue(changed, explanation)
      },
    ),
    { numRuns: 2000 },
  )
  t.ok(contradictions > 100, `${contradictions} contradictions`)
  t.end()
})

/** The culprit is among its operations, and what it says could have been answered is all that could. */
function isTrue(
  operations: readonly Operation<RegisterInput, RegisterOutput>[],
  explanation: ReturnType<typeof checkLinearizable>['explanations'][number] | undefined,
): boolean {
  const { culprit, expected, operations: core } = must(explanation, 'an explanation')
  const isCulprit = ({ client }: Operation<unknown, unknown>): boolean => client === culprit.client
  const rightAnswers = (isHeard: (operation: Operation<unknown, unknown>) => boolean): string[] => {
    const known = operations
      .filter(({ calledAt }) => calledAt <= culprit.returnedAt)
      .map((operation) =>
        isHeard(operation) || isCulprit(operation)
          ? operation
          : { ...operation, returnedAt: Infinity, output: undefined },
      )
    const withAnswer = (output: RegisterOutput): Operation<RegisterInput, RegisterOutput>[] =>
      known.map((operation) => (isCulprit(operation) ? { ...operation, output } : operation))
    return (['a', 'b', 'c', null, true, false] as const)
      .filter((output) => naive(register, withAnswer(output)))
      .map((output) => register.describe(culprit.input as RegisterInput, output))
  }
  // Of answers at the same instant some are heard before the culprit's.
  const fewest = rightAnswers(({ returnedAt }) => returnedAt <= culprit.returnedAt)
  const most = new Set(rightAnswers(({ returnedAt }) => returnedAt < culprit.returnedAt))
  return (
    core.includes(culprit) &&
    expected.every((answer) => most.has(answer)) &&
    fewest.every((answer) => expected.includes(answer))
  )
}

t.test('an illegal history is explained by as few operations as contradict each other', (t) => {
  const before: Row<RegisterInput, RegisterOutput>[] = Array.from({ length: 50 }, (_, number) => [
    10 * number,
    10 * number + 15,
    number % 2 === 0 ? put(`v${number}`) : get,
    number % 2 === 0 ? true : `v${number - 1}`,
  ])
  const rows: readonly Row<RegisterInput, RegisterOutput>[] = [
    ...before,
    [520, 530, put('x'), true],
    [525, 560, put('y'), true],
    [526, Infinity, put('z')],
    [540, 550, get, 'v48'],
    [570, 580, get, 'y'],
  ]
  const { explanations } = checkLinearizable(register, history(rows))
  t.equal(
    explanations[0]?.text,
    [
      'k: no order of these explains what was seen',
      '   0 … 10  c50  put "x" → true',
      '  20 … 30  c53  get → "v48"   ← can not be',
      '  it could have been: get → "x", or get → "y", or get → "z"',
    ].join('\n'),
  )
  t.end()
})

t.test('work is bounded, and what was not finished is said to be so', (t) => {
  const rows: readonly Row<RegisterInput, RegisterOutput>[] = [
    ...Array.from({ length: 30 }, (_, number): Row<RegisterInput, RegisterOutput> => [
      number,
      Infinity,
      put(`v${number}`),
    ]),
    [50, 51, get, 'other'],
  ]
  const verdict = checkLinearizable(register, history(rows), { stepsMaxPerKey: 10_000 })
  t.match(verdict, { kind: 'undecided', undecided: ['k'], illegal: [] })
  t.end()
})

t.test('what the log holds settles what nobody answered', (t) => {
  const operations = history<RegisterInput, RegisterOutput>([
    [0, Infinity, put('a')],
    [1, Infinity, put('b')],
    [2, Infinity, put('c')],
    [3, 4, put('d'), true],
    [5, 6, put('e'), true],
    [7, 8, get, 'a'],
  ])
  const positions: Readonly<Record<string, number>> = { a: 7, d: 8, c: 9, e: 10 }
  const settled = resolveOpen(operations, ({ input }) =>
    input.verb === 'put' ? (positions[input.value] ?? 'absent') : undefined,
  )
  t.strictSame(
    settled.map(({ input, returnedAt }) => [register.describe(input, undefined), returnedAt]),
    [
      ['put "a"', 4],
      ['put "c"', 6],
      ['put "d"', 4],
      ['put "e"', 6],
      ['get', 8],
    ],
    'what is in the log happened before what comes later in it was answered',
  )
  t.equal(checkLinearizable(register, operations).kind, 'legal')
  t.equal(checkLinearizable(register, settled).kind, 'illegal', 'and more is seen')
  t.end()
})

t.test('a history is written down as it happens, and read back as it was', (t) => {
  const record = new History<RegisterInput, RegisterOutput>()
  const write = record.call('c1', 'k', put('a'), 1.5)
  const refused = record.call('c2', 'k', put('b'), 2)
  const read = record.call('c3', 'k', get, 2.5)
  record.forget(refused)
  record.return(read, null, 4, 17)
  const operations = record.operations()
  t.match(operations, [
    { client: 'c1', returnedAt: Infinity, output: undefined },
    { client: 'c3', returnedAt: 4, output: null, index: 17 },
  ])
  record.return(write, true, 5)
  t.equal(operations.length, 2, 'what was taken does not change')
  const text = [...encodeHistory(operations)].join('\n')
  t.strictSame([...encodeHistory(decodeHistory(text))].join('\n'), text)
  t.equal(decodeHistory(text)[0]?.returnedAt, Infinity)
  t.end()
})

t.test('a long run of many clients is judged in about as many steps as it has operations', (t) => {
  for (const load of [
    { operations: 50_000, keys: 50, clients: 16, openFraction: 0 },
    { operations: 10_000, keys: 40, clients: 16, openFraction: 0.01 },
  ]) {
    const operations = busyHistory(1, load)
    const beganMs = performance.now()
    const verdict = checkLinearizable(register, operations)
    const seconds = (performance.now() - beganMs) / 1000
    t.equal(verdict.kind, 'legal')
    t.ok(verdict.steps < 10 * operations.length, `${verdict.steps} steps`)
    t.comment(`${JSON.stringify(load)}: ${Math.round(operations.length / seconds)} operations/s`)

    const at = operations.findLastIndex(
      ({ input, output }) => input.verb === 'get' && output !== undefined && output !== null,
    )
    const stale = operations.map((operation, number) =>
      number === at ? { ...operation, output: null } : operation,
    )
    t.equal(checkLinearizable(register, stale).kind, 'illegal', 'one stale read is found')
  }
  t.end()
})
