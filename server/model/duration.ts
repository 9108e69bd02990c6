/**
 * Durations as Go writes them (`1h0m0s`, `1.5s`, `15ms`): clients send them in queries and bodies and read them back from answers.
 * In the program a duration is a number of milliseconds; on the wire some fields are whole nanoseconds.
 */
export const nanosecondsPerMs = 1_000_000

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const form = /^[-+]?(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/

export type ParsedDuration =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly error: string }

/** Go's `time.ParseDuration`, its error texts included. */
export function parseDuration(text: string): ParsedDuration {
  const fail = (what: string): ParsedDuration => ({
    ok: false,
    error: `time: ${what} ${JSON.stringify(text)}`,
  })
  const sign = text.startsWith('-') ? -1 : 1
  let rest = text.replace(/^[-+]/, '')
  if (rest === '0') return { ok: true, ms: 0 }
  if (rest === '') return fail('invalid duration')
  let ms = 0
  while (rest !== '') {
    const match = form.exec(rest)
    if (!match || /^[-+]/.test(rest)) return fail(describeMistake(rest))
    ms += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0)
    rest = rest.slice(match[0].length)
  }
  return { ok: true, ms: sign * ms }
}

function describeMistake(rest: string): string {
  const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)
  if (!number) return 'invalid duration'
  const unit = /^[^\d.]*/.exec(rest.slice(number[0].length))?.[0] ?? ''
  return unit === ''
    ? 'missing unit in duration'
    : `unknown unit ${JSON.stringify(unit)} in duration`
}

/** The milliseconds of a duration that is known to be well formed. */
export function durationMs(text: string): number {
  const parsed = parseDuration(text)
  if (!parsed.ok) throw new RangeError(parsed.error)
  return parsed.ms
}

/** Go's `Duration.String`: `1h0m0s`, `1m30s`, `1.5s`, `15ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const sign = ms < 0 ? '-' : ''
  const size = Math.abs(ms)
  if (size < 1e-3) return `${sign}${trim(size * 1e6)}ns`
  if (size < 1) return `${sign}${trim(size * 1e3)}µs`
  if (size < 1000) return `${sign}${trim(size)}ms`
  const hours = Math.floor(size / 3_600_000)
  const minutes = Math.floor((size % 3_600_000) / 60_000)
  const seconds = `${trim((size % 60_000) / 1000)}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`
}

/** Nanoseconds are the smallest that a duration can say, so what is smaller is noise of the division. */
function trim(value: number): string {
  return String(Number(value.toFixed(9)))
}
