import { PraetorError } from '../../server/model/errors.ts'
import { eventIndex } from '../../server/model/user-event.ts'
import type { UserEvent } from '../../server/model/user-event.ts'
import { foundPairs, goodAnswer, jsonOf, keyPath } from '../answer.ts'
import type { Answer } from '../answer.ts'
import type { Query } from '../request-target.ts'
import { checkShape, instanceShape, pairShape } from './shape.ts'

/** Reads from the API of an agent, whatever the status. Rejects with a PraetorError where there is no answer. */
export type Ask = (path: string, query: Query) => Promise<Answer>

/** What is seen at one look. */
export interface View {
  readonly value: unknown
  /** As handlers are told it. */
  readonly index: string
  /** What the next look goes on from, where that isn't an index which only grows. */
  readonly mark?: string
}

/** `after` is what the last look was marked with: the answer comes when there is another. */
export type Look = (ask: Ask, after: string | undefined) => Promise<View>

/** What may be said of a thing to watch, under the names that flags and files have for it. */
export interface WatchParameters {
  readonly key?: string
  readonly name?: string
  readonly passingonly?: boolean
  readonly prefix?: string
  readonly service?: string
  readonly service_id?: string
  readonly state?: string
  readonly tag?: readonly string[]
}

/** A thing that can be watched. */
export interface WatchKind {
  readonly name: string
  readonly parameters: readonly (keyof WatchParameters)[]
  /** Only for those that watch in an agent. */
  readonly agentOnly?: true
  /** How it is looked at. Throws a PraetorError where the parameters don't say what to look at. */
  look(parameters: WatchParameters): Look
}

/** One row per kind. */
export const watchKinds: readonly WatchKind[] = [
  {
    name: 'key',
    parameters: ['key'],
    look({ key }) {
      const path = keyPath(demand(key, 'Must specify a single key to watch'))
      return async (ask, after) => {
        const answer = await ask(path, { index: after })
        const pair = foundPairs(answer)?.[0]
        return { value: pair === undefined ? null : pairShape(pair), index: answer.index }
      }
    },
  },
  {
    name: 'keyprefix',
    parameters: ['prefix'],
    look({ prefix }) {
      const path = keyPath(demand(prefix, 'Must specify a single prefix to watch'))
      return async (ask, after) => {
        const answer = await ask(path, { recurse: '', index: after })
        return { value: foundPairs(answer)?.map(pairShape) ?? null, index: answer.index }
      }
    },
  },
  { name: 'services', parameters: [], look: () => reading('/v1/catalog/services') },
  { name: 'nodes', parameters: [], look: () => reading('/v1/catalog/nodes') },
  {
    name: 'service',
    parameters: ['service', 'tag', 'passingonly'],
    look({ service, tag, passingonly }) {
      const name = demand(service, 'Must specify a single service to watch')
      const query = { tag, passing: passingonly === true ? '1' : undefined }
      return reading(`/v1/health/service/${name}`, query, eachOf(instanceShape))
    },
  },
  {
    name: 'checks',
    parameters: ['service', 'state'],
    look({ service = '', state = '' }) {
      if (service !== '' && state !== '')
        throw new PraetorError('bad-request', 'Cannot specify service and state')
      const path =
        service === '' ? `/v1/health/state/${state || 'any'}` : `/v1/health/checks/${service}`
      return reading(path, {}, eachOf(checkShape))
    },
  },
  {
    name: 'event',
    parameters: ['name'],
    look({ name }) {
      const list = reading('/v1/event/list', { name })
      return async (ask, after) => {
        const { value, index } = await list(ask, after)
        return { value: newer(value, after), index, mark: index }
      }
    },
  },
  {
    name: 'agent_service',
    parameters: ['service_id'],
    agentOnly: true,
    look:
      ({ service_id = '' }) =>
      async (ask, after) => {
        const answer = goodAnswer(await ask(`/v1/agent/service/${service_id}`, { hash: after }))
        const value = jsonOf(answer)
        const { ContentHash } = value as { readonly ContentHash: string }
        return { value, index: '0', mark: ContentHash }
      },
  },
]

/** How a thing of that type is looked at. Throws a PraetorError for what can't be watched so. */
export function lookAt(type: string, parameters: WatchParameters): Look {
  const kind = watchKinds.find(({ name }) => name === type)
  if (kind === undefined) throw new PraetorError('bad-request', `Unsupported watch type: ${type}`)
  const look = kind.look(parameters)
  const known: readonly string[] = kind.parameters
  const others = Object.keys(parameters).filter((name) => !known.includes(name))
  if (others.length > 0)
    throw new PraetorError('bad-request', `Invalid parameters: [${others.join(' ')}]`)
  return look
}

function reading(
  path: string,
  query: Query = {},
  shape = (value: unknown): unknown => value,
): Look {
  return async (ask, after) => {
    const answer = goodAnswer(await ask(path, { ...query, index: after }))
    return { value: shape(jsonOf(answer)), index: answer.index }
  }
}

/** The events behind the one that the index is of: who watches has seen those before it. */
function newer(value: unknown, index: string | undefined): unknown {
  const events = (value ?? []) as readonly UserEvent[]
  const seen = events.findIndex((event) => String(eventIndex([event])) === index)
  return events.slice(seen + 1)
}

function eachOf(shape: (row: never) => object): (rows: unknown) => unknown {
  return (rows) => (rows as readonly never[] | null)?.map(shape) ?? null
}

function demand(value: string | undefined, complaint: string): string {
  if (value === undefined || value === '') throw new PraetorError('bad-request', complaint)
  return value
}
