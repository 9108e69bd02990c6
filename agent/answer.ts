import { PraetorError } from '../server/model/errors.ts'
import { decodeJson } from '../server/model/json.ts'

/** What the HTTP API answered, as those who ask it read that: the command line, and the agent's own watches. */
export interface Answer {
  readonly status: number
  /** `X-Consul-Index`, as it came: an event's needs all of 64 bits. */
  readonly index: string
  readonly body: Buffer
}

/** JSON with integers of 64 bits whole. */
export function jsonOf(answer: Answer): unknown {
  return decodeJson(answer.body.toString())
}

/** The answer, which must be a good one. */
export function goodAnswer(answer: Answer): Answer {
  if (answer.status !== 200) throw unexpectedStatus(answer)
  return answer
}

export function unexpectedStatus({ status, body }: Answer): PraetorError {
  return new PraetorError('failed', `Unexpected response code: ${status} (${body.toString()})`)
}

/** A key and what is under it. */
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

/** The answer to a read of a key or of those below it; `undefined` where there are none. */
export function foundKeys(answer: Answer): Answer | undefined {
  if (answer.status === 404) return undefined
  if (answer.status !== 200)
    throw new PraetorError('failed', `Unexpected response code: ${answer.status}`)
  return answer
}

/** What of them there is. */
export function foundPairs(answer: Answer): readonly KvPair[] | undefined {
  const found = foundKeys(answer)
  return found && (jsonOf(found) as readonly KvPair[])
}

/** Where keys and what is below them are read: no key begins with a slash. */
export function keyPath(key: string): string {
  return `/v1/kv/${key.replace(/^\//, '')}`
}
