import { compilePattern } from '../../server/filter/pattern.ts'
import { describeError, PraetorError } from '../../server/model/errors.ts'
import { jsonOf } from '../answer.ts'
import type { ApiClient } from './client.ts'
import type { Flag, ParsedFlags } from './flags.ts'

/** Whom an event is for: regular expressions, `''` for none. */
export interface Audience {
  readonly node: string
  readonly service: string
  readonly tag: string
}

export const audienceFlags: readonly Flag[] = [
  {
    name: 'node',
    kind: 'string',
    doc: 'Only for nodes whose name matches this regular expression.',
  },
  {
    name: 'service',
    kind: 'string',
    doc: 'Only for nodes with a service whose id matches this regular expression.',
  },
  {
    name: 'tag',
    kind: 'string',
    doc: 'Only where that service has a tag that matches this regular expression.',
  },
]

/** What the flags say. Throws a PraetorError for what makes no sense, before anybody is asked. */
export function audienceOf(flags: ParsedFlags): Audience {
  const [node, service, tag] = ['node', 'service', 'tag'].map((name) => {
    const expression = flags.value(name) ?? ''
    checkFilter(name, expression)
    return expression
  }) as [string, string, string]
  if (tag !== '' && service === '')
    throw new PraetorError('bad-request', 'Cannot provide tag filter without service filter.')
  return { node, service, tag }
}

/** Fires an event, and resolves with its id. */
export async function fireEvent(
  client: ApiClient,
  name: string,
  audience: Audience,
  payload: string,
): Promise<string> {
  const said = Object.entries(audience).filter(([, expression]) => expression !== '')
  const query = Object.fromEntries(said) as Readonly<Record<string, string>>
  const answer = await client.demand('PUT', `/v1/event/fire/${name}`, { query, body: payload })
  return (jsonOf(answer) as { readonly ID: string }).ID
}

function checkFilter(kind: string, expression: string): void {
  try {
    compilePattern(expression)
  } catch (error) {
    const reason = describeError(error)
    throw new PraetorError('bad-request', `Failed to compile ${kind} filter regexp: ${reason}`)
  }
}
