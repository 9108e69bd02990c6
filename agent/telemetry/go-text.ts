/** Numbers and times as Go prints them, which is what parsers of Consul's metrics have seen. */

/** The shortest number that reads as this value in single precision: what Go's encoder prints for a float32. */
export function shortestSingle(value: number): number {
  const single = Math.fround(value)
  if (!Number.isFinite(single)) return single
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(single.toPrecision(digits))
    if (Math.fround(short) === single) return short
  }
  return Number(single.toPrecision(9))
}

/** `strconv.FormatFloat(value, 'g', -1, 64)`: with an exponent from 1e+06 on and below 1e-04, of two digits at least. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value)
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${digits}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`
}

/** `2026-11-23 15:42:50 +0000 UTC`, with milliseconds where there are any. */
export function formatTime(wallMs: number): string {
  const [date = '', time = ''] = new Date(wallMs).toISOString().slice(0, -1).split('T')
  return `${date} ${time.replace(/\.?0+$/, '')} +0000 UTC`
}
