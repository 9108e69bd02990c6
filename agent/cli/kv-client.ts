import { PraetorError } from '../../server/model/errors.ts'
import { foundKeys, keyPath, foundPairs } from '../answer.ts'
import type { Answer, KvPair } from '../answer.ts'
import type { ApiClient, Question } from './client.ts'

export function valueOf({ Value }: KvPair): Buffer {
  return Buffer.from(Value ?? '', 'base64')
}

/** The answer to a read below a key or prefix; `undefined` where there is nothing. */
export async function findKeys(
  client: ApiClient,
  key: string,
  question: Question = {},
): Promise<{ readonly found: Answer | undefined; readonly index: string }> {
  const answer = await read(client, key, question)
  return { found: foundKeys(answer), index: answer.index }
}

export async function getPair(
  client: ApiClient,
  key: string,
  question: Question = {},
): Promise<{ readonly pair: KvPair | undefined; readonly index: string }> {
  const answer = await read(client, key, question)
  return { pair: foundPairs(answer)?.[0], index: answer.index }
}

export async function listPairs(
  client: ApiClient,
  prefix: string,
  question: Question = {},
): Promise<{ readonly pairs: readonly KvPair[] | undefined; readonly index: string }> {
  const query = { ...question.query, recurse: '' }
  const answer = await read(client, prefix, { ...question, query })
  return { pairs: foundPairs(answer), index: answer.index }
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
  return isTrue(await client.demand('DELETE', keyPath(key), question))
}

function read(client: ApiClient, key: string, question: Question): Promise<Answer> {
  return client.ask('GET', keyPath(key), client.stale(question))
}

function isTrue({ body }: Answer): boolean {
  return body.toString().includes('true')
}
