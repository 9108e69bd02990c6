import { describeError, PraetorError } from '../../model/errors.ts'
import { userEventVersion } from '../../model/user-event.ts'
import type { EventRequest, UserEvent } from '../../model/user-event.ts'

/** A test for a regular expression of Go's, not anchored. Throws where it is none. */
export type CompilePattern = (expression: string) => (text: string) => boolean

/** An agent, as filters see it. */
export interface Listener {
  readonly nodeName: string
  readonly services: Iterable<{ readonly ID: string; readonly Tags?: readonly string[] | null }>
}

/** Throws a PraetorError, in Consul's words, where an event can't be fired so. */
export function checkRequest(request: EventRequest, compile: CompilePattern): void {
  const { Name, NodeFilter, ServiceFilter, TagFilter } = request
  if (Name === '') throw new PraetorError('failed', 'User event missing name')
  if (TagFilter !== '' && ServiceFilter === '')
    throw new PraetorError('failed', 'Cannot provide tag filter without service filter')
  for (const [kind, expression] of [
    ['node', NodeFilter],
    ['service', ServiceFilter],
    ['tag', TagFilter],
  ] as const)
    try {
      if (expression !== '') compile(expression)
    } catch (error) {
      throw new PraetorError('failed', `Invalid ${kind} filter: ${describeError(error)}`)
    }
}

/** Whether an event is for this agent. One with a filter that is none is for nobody. */
export function isFor(
  { Version, NodeFilter, ServiceFilter, TagFilter }: UserEvent,
  { nodeName, services }: Listener,
  compile: CompilePattern,
): boolean {
  if (Version > userEventVersion) return false
  try {
    if (NodeFilter !== '' && !compile(NodeFilter)(nodeName)) return false
    if (ServiceFilter === '') return true
    const isService = compile(ServiceFilter)
    const isTag = TagFilter === '' ? undefined : compile(TagFilter)
    for (const { ID, Tags } of services)
      if (isService(ID) && (isTag === undefined || Tags?.some(isTag) === true)) return true
    return false
  } catch (error) {
    if (error instanceof PraetorError) return false
    throw error
  }
}
