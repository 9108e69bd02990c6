import type { Clock } from '../../server/runtime/clock.ts'

/** The time as HTTP writes it (RFC 9110 §5.6.7), made once a second. */
export function httpDate(clock: Clock): () => string {
  let second = -1
  let text = ''
  return () => {
    const now = Math.floor(clock.wallMs() / 1000)
    if (now !== second) {
      second = now
      text = new Date(now * 1000).toUTCString()
    }
    return text
  }
}
