import { PraetorError } from '../../../server/model/errors.ts'
import { eventIndex } from '../../../server/model/user-event.ts'
import type { UserEvent } from '../../../server/model/user-event.ts'
import type { Answer, ApiClient, Question } from '../client.ts'
import { jsonOf } from '../client.ts'
import { parseBool } from '../flags.ts'
import type { ParsedFlags } from '../flags.ts'
import { getPair, listPairs } from '../kv-client.ts'
import { checkShape, instanceShape, pairShape } from './shape.ts'

/** What is seen at one look. */
export interface View {
  readonly value: unknown
  readonly index: string
  /** Its indexes go up and down, and one that went back means nothing. */
  readonly unordered?: true
}

/** A thing that can be watched. */
export interface WatchKind {
  readonly name: string
  /** The flags that mean something to it. */
  readonly flags: readonly string[]
  /** How it is looked at. Throws a PraetorError where the flags don't say what to look at. */
  look(flags: ParsedFlags): (client: ApiClient, question: Question) => Promise<View>
}

/** One row per kind. */
export const watchKinds: readonly WatchKind[] = [
  {
    name: 'key',
    flags: ['key'],
    look(flags) {
      const key = demand(flags, 'key', 'Must specify a single key to watch')
      return async (client, question) => {
        const { pair, index } = await getPair(client, key, question)
        return { value: pair === undefined ? null : pairShape(pair), index }
      }
    },
  },
  {
    name: 'keyprefix',
    flags: ['prefix'],
    look(flags) {
      const prefix = demand(flags, 'prefix', 'Must specify a single prefix to watch')
      return async (client, question) => {
        const { pairs, index } = await listPairs(client, prefix, question)
        return { value: pairs?.map(pairShape) ?? null, index }
      }
    },
  },
  { name: 'services', flags: [], look: () => reading('/v1/catalog/services') },
  { name: 'nodes', flags: [], look: () => reading('/v1/catalog/nodes') },
  {
    name: 'service',
    flags: ['service', 'tag', 'passingonly'],
    look(flags) {
      const name = demand(flags, 'service', 'Must specify a single service to watch')
      const query = {
        tag: flags.values('tag'),
        passing: isPassingOnly(flags.value('passingonly') ?? '') ? '1' : undefined,
      }
      return reading(`/v1/health/service/${name}`, query, eachOf(instanceShape))
    },
  },
  {
    name: 'checks',
    flags: ['service', 'state'],
    look(flags) {
      const [service, state] = [flags.value('service') ?? '', flags.value('state') ?? '']
      if (service !== '' && state !== '')
        throw new PraetorError('bad-request', 'Cannot specify service and state')
      const path =
        service === '' ? `/v1/health/state/${state || 'any'}` : `/v1/health/checks/${service}`
      return reading(path, {}, eachOf(checkShape))
    },
  },
  {
    name: 'event',
    flags: ['name'],
    look(flags) {
      const list = reading('/v1/event/list', { name: flags.value('name') || undefined })
      return async (client, question) => {
        const { value, index } = await list(client, question)
        return { value: newer(value, question.query?.['index']), index, unordered: true }
      }
    },
  },
]

type Look = ReturnType<WatchKind['look']>

function reading(
  path: string,
  query: Question['query'] = {},
  shape = (value: unknown): unknown => value,
): Look {
  return async (client, question) => {
    const answer: Answer = await client.read(path, {
      ...question,
      query: { ...query, ...question.query },
    })
    return { value: shape(jsonOf(answer)), index: answer.index }
  }
}

/** The events behind the one that the index is of: who watches has seen those before it. */
function newer(value: unknown, index: unknown): unknown {
  const events = (value ?? []) as readonly UserEvent[]
  const seen = events.findIndex((event) => String(eventIndex([event])) === index)
  return events.slice(seen + 1)
}

function eachOf(shape: (row: never) => object): (rows: unknown) => unknown {
  return (rows) => (rows as readonly never[] | null)?.map(shape) ?? null
}

function demand(flags: ParsedFlags, name: string, complaint: string): string {
  const value = flags.value(name) ?? ''
  if (value === '') throw new PraetorError('bad-request', complaint)
  return value
}

function isPassingOnly(text: string): boolean {
  if (text === '') return false
  const parsed = parseBool(text)
  if (parsed === undefined)
    throw new PraetorError(
      'bad-request',
      `Failed to parse passingonly flag: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  return parsed
}
