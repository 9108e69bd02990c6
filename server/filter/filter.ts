import { PraetorError } from '../model/errors.ts'
import { compileExpression } from './evaluate.ts'
import type { FieldSet } from './fields.ts'
import { parseExpression } from './parser.ts'

export interface FilterOptions {
  /** `/v1/agent/checks` alone says what is wrong with a selector or a value without the words that begin every other error. */
  readonly bareFieldErrors?: boolean
}

/**
 * `?filter=`: a function that says which rows the expression lets through. An empty expression lets all through.
 * Rows are spelled as in the API's answers. Throws PraetorError (`failed`) with Consul's text for an expression that is not one.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it names the row at the call
export function createFilter<Row>(
  expression: string,
  fields: FieldSet,
  { bareFieldErrors = false }: FilterOptions = {},
): (row: Row) => boolean {
  if (expression === '') return () => true
  const parsed = prefixed(() => parseExpression(expression))
  const compile = (): ((row: unknown) => boolean) => compileExpression(parsed, fields)
  return bareFieldErrors ? compile() : prefixed(compile)
}

function prefixed<T>(build: () => T): T {
  try {
    return build()
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    throw new PraetorError(
      'failed',
      `Failed to create boolean expression evaluator: ${error.message}`,
    )
  }
}
