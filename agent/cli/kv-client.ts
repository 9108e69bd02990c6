import { PraetorError } from '../../server/model/errors.ts'
import { jsonOf } from './client.ts'
import type { Answer, ApiClient, Question } from './client.ts'

/** A key and what is under it, as the API answers. */
export interface KvPair {
  readonly Key: string
  readonly CreateIndex: number
  readonly ModifyIndex: number
  readonly LockIndex: number
  readonly Flags: number | bigint
  /** Base64; null when empty. */
  readonly Value: string | null
  readonly Session?: string
}

export function valueOf({ Value }: KvPair): Buffer {
  return Buffer.from(Value ?? '', 'base64')
}

/** The answer to a read below a key or prefix; `undefined` where there is nothing. */
export async function findKeys(
  client: ApiClient,
  key: string,
  question: Question = {},
): Promise<{ readonly found: Answer | undefined; readonly index: string }> {
  const answer = await client.ask('GET', `/v1/kv/${key.replace(/^\//, '')}`, client.stale(question))
  if (answer.status === 404) return { found: undefined, index: answer.index }
  if (answer.status !== 200)
    throw new PraetorError('failed', `Unexpected response code: ${answer.status}`)
  return { found: answer, index: answer.index }
}

export async function getPair(
  client: ApiClient,
  key: string,
  question: Question = {},
): Promise<{ readonly pair: KvPair | undefined; readonly index: string }> {
  const { found, index } = await findKeys(client, key, question)
  return { pair: found && (jsonOf(found) as readonly KvPair[])[0], index }
}

export async function listPairs(
  client: ApiClient,
  prefix: string,
  question: Question = {},
): Promise<{ readonly pairs: readonly KvPair[] | undefined; readonly index: string }> {
  const query = { ...question.query, recurse: '' }
  const { found, index } = await findKeys(client, prefix, { ...question, query })
  return { pairs: found && (jsonOf(found) as readonly KvPair[]), index }
}

/** Whether it was written: a condition in the query may not have been met. */
export async function putKey(client: ApiClient, key: string, question: Question): Promise<boolean> {
  if (key.startsWith('/'))
    throw new PraetorError('bad-request', `Invalid key. Key must not begin with a '/': ${key}`)
  return isTrue(await client.demand('PUT', `/v1/kv/${key}`, question))
}

/** Whether it was deleted, likewise. */
export async function deleteKeys(
  client: ApiClient,
  key: string,
  question: Question,
): Promise<boolean> {
  return isTrue(await client.demand('DELETE', `/v1/kv/${key.replace(/^\//, '')}`, question))
}

function isTrue({ body }: Answer): boolean {
  return body.toString().includes('true')
}
