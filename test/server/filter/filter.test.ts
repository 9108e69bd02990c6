import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import {
  catalogServiceFields,
  checkFields,
  type FieldSet,
  nodeDumpFields,
  nodeFields,
  serviceFields,
  serviceNodeFields,
} from '../../../server/filter/fields.ts'
import { createFilter } from '../../../server/filter/filter.ts'
import { PraetorError } from '../../../server/model/errors.ts'

/** What Consul 1.8.7 answered when it held these rows: the keys of those it let through, in order, or its error text. */
interface Golden {
  readonly rows: Readonly<Record<RowSet, readonly Row[]>>
  readonly cases: readonly (readonly [RowSet, string, readonly string[] | string])[]
}

type Row = Readonly<Record<string, unknown>>

const sets = {
  nodes: nodeFields,
  catalogService: catalogServiceFields,
  catalogProxy: catalogServiceFields,
  nodeServices: serviceFields,
  healthWeb: serviceNodeFields,
  healthProxy: serviceNodeFields,
  checks: checkFields,
  agentServices: serviceFields,
  agentChecks: checkFields,
  nodeDumps: nodeDumpFields,
} satisfies Record<string, FieldSet>
type RowSet = keyof typeof sets

const keysOf: Readonly<Record<RowSet, readonly string[]>> = {
  nodes: ['Node'],
  catalogService: ['Node', 'ServiceID'],
  catalogProxy: ['Node', 'ServiceID'],
  nodeServices: ['ID'],
  healthWeb: ['Node.Node', 'Service.ID'],
  healthProxy: ['Node.Node', 'Service.ID'],
  checks: ['Node', 'CheckID'],
  agentServices: ['ID'],
  agentChecks: ['CheckID'],
  nodeDumps: ['Node'],
}

const golden = JSON.parse(
  await readFile(join(import.meta.dirname, '../../golden/filter.json'), 'utf8'),
) as Golden

t.test(
  'every recorded expression lets through what Consul let through, and fails in its words',
  async (t) => {
    for (const [set, expression, expected] of golden.cases) {
      t.same(answer(set, expression), expected, `${set}: ${JSON.stringify(expression)}`)
    }
  },
)

function answer(set: RowSet, expression: string): readonly string[] | string {
  try {
    const passes = createFilter<Row>(expression, sets[set])
    return golden.rows[set]
      .filter(passes)
      .map((row) => keysOf[set].map((path) => valueAt(row, path)).join('/'))
      .toSorted()
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    return error.message
  }
}

function valueAt(row: Row, path: string): string {
  return path.split('.').reduce<unknown>((value, name) => (value as Row)[name], row) as string
}

t.test('no expression lets every row through', async (t) => {
  t.ok(createFilter('', nodeFields)({}))
})

t.test('a mistake is answered as Consul answers it: with 500', async (t) => {
  for (const expression of ['Bogus == 1', 'ID ==', 'ID matches "("']) {
    try {
      createFilter(expression, nodeFields)
      t.fail(expression)
    } catch (error) {
      t.match(error, { status: 500 })
    }
  }
})

t.test('the filter of agent checks begins its errors as Consul does there', async (t) => {
  const bare = (expression: string) => (): unknown =>
    createFilter(expression, checkFields, { bareFieldErrors: true })
  t.throws(bare('Bogus == 1'), /^Selector "Bogus" is not valid$/)
  t.throws(bare('Node matches `(`'), /^Failed to compile regular expression/)
  t.throws(bare('Node =='), /^Failed to create boolean expression evaluator: 1:8/)
})

t.test('a field that a row leaves out has its zero value', async (t) => {
  const zero = [
    'Kind == ""',
    'Port == 0',
    'EnableTagOverride == false',
    'Tags is empty',
    'Meta is empty',
    'Proxy.DestinationServiceName == ""',
    'Proxy.LocalServicePort == 0',
    'Proxy.Upstreams is empty',
    'Kind matches "^$"',
    '"" in Kind',
  ]
  for (const expression of zero) {
    t.ok(createFilter(expression, serviceFields)({}), expression)
    t.ok(
      createFilter(expression, serviceFields)({ Tags: null, Meta: null }),
      `${expression} of null`,
    )
    t.notOk(createFilter(`not ${expression}`, serviceFields)({}), `not ${expression}`)
  }
})

t.test('what every JavaScript object inherits is neither a field nor a key', async (t) => {
  t.throws(
    () => createFilter('constructor == x', nodeFields),
    /Selector "constructor" is not valid/,
  )
  t.throws(() => createFilter('__proto__ == x', nodeFields), PraetorError)
  t.notOk(createFilter('constructor in Meta', nodeFields)({ Meta: {} }))
  t.ok(createFilter('Meta.toString != x', nodeFields)({ Meta: {} }))
})

t.test('nesting has a limit, and a long chain is not nesting', async (t) => {
  t.throws(
    () => createFilter(`${'('.repeat(5000)}ID == x`, nodeFields),
    /nested more than 200 deep/,
  )
  t.throws(
    () => createFilter(`${'not '.repeat(5000)}ID == x`, nodeFields),
    /nested more than 200 deep/,
  )
  const chain = createFilter(`${'ID == x or '.repeat(2000)}ID == y`, nodeFields)
  t.ok(chain({ ID: 'y' }))
})
