/** What happens to an agent, as far as its service manager is concerned. */
export type LifeEvent =
  /** The start goes on, and is well. */
  | { readonly kind: 'waiting'; readonly status: string }
  | { readonly kind: 'ready'; readonly status: string }
  | { readonly kind: 'reloading'; readonly monotonicMicros: bigint }
  | { readonly kind: 'reloaded'; readonly status: string }
  | { readonly kind: 'stopping'; readonly status: string }
  /** The agent answers. */
  | { readonly kind: 'alive' }

export type Stage = 'starting' | 'ready' | 'reloading' | 'stopping'

/** One message: assignments as sd_notify(3) names them. */
export type Message = readonly string[]

/** A start that says nothing for so long is given up by the manager. */
export const startPatienceMs = 60_000

/**
 * What to say when something happens, and what the manager then takes the agent for; undefined where there is nothing to say. A
 * manager follows a service from start to stop and never back, so neither do we: a reload that ends while the agent stops must not
 * make it ready again.
 */
export function converse(
  stage: Stage,
  event: LifeEvent,
): { readonly stage: Stage; readonly message: Message } | undefined {
  switch (event.kind) {
    case 'waiting':
      if (stage !== 'starting') return undefined
      return {
        stage,
        message: [`EXTEND_TIMEOUT_USEC=${startPatienceMs * 1000}`, status(event.status)],
      }
    case 'ready':
      if (stage !== 'starting') return undefined
      return { stage: 'ready', message: ['READY=1', status(event.status)] }
    case 'reloading':
      if (stage !== 'ready' && stage !== 'reloading') return undefined
      return {
        stage: 'reloading',
        message: [
          'RELOADING=1',
          `MONOTONIC_USEC=${event.monotonicMicros}`,
          status('Reading the configuration again'),
        ],
      }
    case 'reloaded':
      if (stage !== 'reloading') return undefined
      return { stage: 'ready', message: ['READY=1', status(event.status)] }
    case 'stopping':
      if (stage === 'stopping') return undefined
      return { stage: 'stopping', message: ['STOPPING=1', status(event.status)] }
    default:
      return { stage, message: ['WATCHDOG=1'] }
  }
}

const statusMaxChars = 300

/** A line is an assignment, so a status is one line. */
function status(text: string): string {
  return `STATUS=${text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, statusMaxChars)}`
}
