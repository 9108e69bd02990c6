import { assertNever } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Expression, Match, Operator } from './expression.ts'
import type { Field, FieldSet } from './fields.ts'
import { type Parsed, parseBoolean, parseInteger, quote } from './literal.ts'
import { compilePattern } from './pattern.ts'

type Test = (value: unknown) => boolean

/**
 * The expression as one function of a row. Everything that can be decided before there is a row is decided here: which fields there
 * are, what the values mean, whether the operators fit. Throws PraetorError (`failed`) with Consul's texts.
 */
export function compileExpression(expression: Expression, fields: FieldSet): Test {
  switch (expression.kind) {
    case 'and': {
      const left = compileExpression(expression.left, fields)
      const right = compileExpression(expression.right, fields)
      return (row) => left(row) && right(row)
    }
    case 'or': {
      const left = compileExpression(expression.left, fields)
      const right = compileExpression(expression.right, fields)
      return (row) => left(row) || right(row)
    }
    case 'not': {
      const operand = compileExpression(expression.operand, fields)
      return (row) => !operand(row)
    }
    case 'match': {
      const field = findField(expression.selector, fields)
      return reach(expression, 0, { kind: 'struct', fields }, compareWith(expression, field))
    }
    default:
      return assertNever(expression)
  }
}

function findField(selector: readonly string[], fields: FieldSet): Field {
  let field: Field = { kind: 'struct', fields }
  for (const [depth, name] of selector.entries()) {
    const next = memberOf(field, name)
    if (!next) fail(`Selector ${quote(selector.slice(0, depth + 1).join('.'))} is not valid`)
    field = next
  }
  return field
}

function memberOf(field: Field, name: string): Field | undefined {
  if (field.kind === 'map') return field.values
  if (field.kind !== 'struct' && field.kind !== 'structs') return undefined
  return Object.hasOwn(field.fields, name) ? field.fields[name] : undefined
}

/**
 * The way from a row to the value. A field that the row leaves out has its zero value, as in Go; a key that a map lacks has none, and
 * then the operator alone decides. A list is passed if one of its members passes.
 */
function reach({ selector, operator }: Match, depth: number, field: Field, compare: Test): Test {
  const name = selector[depth]
  if (name === undefined) return compare
  const next = memberOf(field, name)
  if (!next) return compare
  const further = reach({ kind: 'match', selector, operator }, depth + 1, next, compare)
  const ofMember: Test = (value) => further((value as Row | null | undefined)?.[name])
  if (field.kind === 'structs')
    return (value) => (value as readonly unknown[] | null | undefined)?.some(ofMember) ?? false
  if (field.kind === 'struct') return ofMember
  const passes = passesWithoutValue(operator)
  return (value) => (hasKey(value, name) ? ofMember(value) : passes)
}

type Row = Readonly<Record<string, unknown>>

function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
}

/** As Consul has it, `matches` included. */
function passesWithoutValue(operator: Operator): boolean {
  return operator !== 'Equal' && operator !== 'In' && operator !== 'Is Not Empty'
}

const operatorsOf: Readonly<Record<Field['kind'], readonly Operator[]>> = {
  string: ['Equal', 'Not Equal', 'In', 'Not In', 'Matches', 'Not Matches'],
  integer: ['Equal', 'Not Equal'],
  boolean: ['Equal', 'Not Equal'],
  strings: ['In', 'Not In', 'Is Empty', 'Is Not Empty'],
  map: ['In', 'Not In', 'Is Empty', 'Is Not Empty'],
  struct: [],
  structs: ['Is Empty', 'Is Not Empty'],
}

function compareWith(match: Match, field: Field): Test {
  const { operator, value = '' } = match
  const selector = quote(match.selector.join('.'))
  if (!operatorsOf[field.kind].includes(operator))
    fail(`Invalid match operator ${quote(operator)} for selector ${selector}`)
  const coerced = <T>(parsed: Parsed<T>): T =>
    parsed.ok
      ? parsed.value
      : fail(`Failed to coerce value ${quote(value)} for selector ${selector}: ${parsed.error}`)
  switch (operator) {
    case 'Equal':
      if (field.kind === 'integer') return equals(coerced(parseInteger(value)), 0)
      if (field.kind === 'boolean') return equals(coerced(parseBoolean(value)), false)
      return equals(value, '')
    case 'In':
      if (field.kind === 'map') return (map) => hasKey(map, value)
      if (field.kind === 'strings')
        return (list) => (list as readonly string[] | null | undefined)?.includes(value) ?? false
      return (text) => ((text as string | undefined) ?? '').includes(value)
    case 'Is Empty':
      return isEmpty
    case 'Matches': {
      const found = matcher(value)
      return (text) => found((text as string | undefined) ?? '')
    }
    case 'Not Equal':
      return negated({ ...match, operator: 'Equal' }, field)
    case 'Not In':
      return negated({ ...match, operator: 'In' }, field)
    case 'Is Not Empty':
      return negated({ ...match, operator: 'Is Empty' }, field)
    case 'Not Matches':
      return negated({ ...match, operator: 'Matches' }, field)
    default:
      return assertNever(operator)
  }
}

function equals<T>(wanted: T, zero: T): Test {
  return (value) => (value ?? zero) === wanted
}

function negated(match: Match, field: Field): Test {
  const test = compareWith(match, field)
  return (value) => !test(value)
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === null || Object.keys(value).length === 0
}

function matcher(pattern: string): (text: string) => boolean {
  try {
    return compilePattern(pattern)
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    return fail(`Failed to compile regular expression ${quote(pattern)}: ${error.message}`)
  }
}

function fail(message: string): never {
  throw new PraetorError('failed', message)
}
