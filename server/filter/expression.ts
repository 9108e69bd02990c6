import { assertNever } from '../model/assert.ts'
import { quote } from './literal.ts'

/** A filter as it was written: what is compared with what, and how the comparisons are joined. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | Match

export interface Match {
  readonly kind: 'match'
  /** `Service.Meta["a-b"]` is ['Service', 'Meta', 'a-b']. */
  readonly selector: readonly string[]
  readonly operator: Operator
  /** What it is compared with; absent for the two questions about emptiness. */
  readonly value?: string
}

/** Spelled as the error texts spell them. `x in y` and `y contains x` are the same comparison. */
export type Operator =
  | 'Equal'
  | 'Not Equal'
  | 'In'
  | 'Not In'
  | 'Is Empty'
  | 'Is Not Empty'
  | 'Matches'
  | 'Not Matches'

const written: Readonly<Record<Operator, string>> = {
  Equal: '==',
  'Not Equal': '!=',
  In: 'contains',
  'Not In': 'not contains',
  'Is Empty': 'is empty',
  'Is Not Empty': 'is not empty',
  Matches: 'matches',
  'Not Matches': 'not matches',
}

/** Text that parses back to the same expression. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return `${printOperand(expression.left)} ${expression.kind} ${printOperand(expression.right)}`
    case 'not':
      return `not ${printOperand(expression.operand)}`
    case 'match': {
      const comparison = `${printSelector(expression.selector)} ${written[expression.operator]}`
      return expression.value === undefined
        ? comparison
        : `${comparison} ${printValue(expression.value)}`
    }
    default:
      return assertNever(expression)
  }
}

function printOperand(expression: Expression): string {
  return expression.kind === 'match'
    ? printExpression(expression)
    : `(${printExpression(expression)})`
}

function printSelector([first = '', ...rest]: readonly string[]): string {
  return rest.reduce(
    (text, part) =>
      /^[a-zA-Z]\w*$/.test(part) ? `${text}.${part}` : `${text}[${printValue(part)}]`,
    first,
  )
}

/** A string ends at the first quotation mark whatever stands before it, so one inside is written as its number. */
function printValue(value: string): string {
  return quote(value).replaceAll(String.raw`\"`, String.raw`\x22`)
}
