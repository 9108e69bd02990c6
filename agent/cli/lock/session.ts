import { PraetorError } from '../../../server/model/errors.ts'
import { sleep } from '../../../server/runtime/clock.ts'
import type { Clock } from '../../../server/runtime/clock.ts'
import { jsonOf, unexpectedStatus } from '../../answer.ts'
import type { ApiClient } from '../client.ts'

/** As Consul's tools have it, so that all who want one lock notice alike when its holder dies. */
const ttlMs = 15_000
const retryMs = 1000
/** How long we try to leave nothing behind. */
export const farewellMs = 10_000

/** A session that is renewed until it is disposed of, and destroyed then. */
export interface HeldSession extends AsyncDisposable {
  readonly id: string
}

export interface SessionBody {
  readonly Name: string
  readonly Behavior?: 'delete'
  /** For a session of another node than the agent's. */
  readonly Node?: string
  readonly NodeChecks?: readonly string[]
}

export async function holdSession(
  client: ApiClient,
  body: SessionBody,
  clock: Clock,
): Promise<HeldSession> {
  const answer = await client.demand('PUT', '/v1/session/create', {
    body: JSON.stringify({ ...body, TTL: `${ttlMs / 1000}s` }),
  })
  const { ID } = jsonOf(answer) as { readonly ID: string }
  const over = new AbortController()
  const renewal = renew(client, ID, clock, over.signal)
  return {
    id: ID,
    async [Symbol.asyncDispose]() {
      over.abort()
      await renewal
      const signal = AbortSignal.timeout(farewellMs)
      // Without this it ends by itself, only later.
      await client.demand('PUT', `/v1/session/destroy/${ID}`, { signal }).catch(() => undefined)
    },
  }
}

/** Ends when the session does. Whoever depends on it sees that by what the session held. */
async function renew(
  client: ApiClient,
  id: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let delayMs = ttlMs / 2
  for (;;) {
    try {
      await sleep(clock, delayMs, signal)
      const answer = await client.ask('PUT', `/v1/session/renew/${id}`, { signal })
      if (answer.status === 404) return
      if (answer.status !== 200) throw unexpectedStatus(answer)
      delayMs = ttlMs / 2
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof PraetorError)) throw error
      delayMs = retryMs
    }
  }
}
