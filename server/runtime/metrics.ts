/**
 * Where the program says what it does. The registry behind it (agent/telemetry.ts) keeps ten-second windows as go-metrics does
 * and prints them as JSON and for Prometheus; a room only ever sees this port. Names are Consul's without the prefix: `raft.apply`.
 */
export interface Metrics {
  /** Something is now at this value. */
  gauge(name: string, value: number, labels?: Labels): void
  /** Something happened this many times more. */
  count(name: string, times?: number, labels?: Labels): void
  /** Something took this long, or was this large. */
  sample(name: string, value: number, labels?: Labels): void
}

export type Labels = Readonly<Record<string, string>>

export const noMetrics: Metrics = { gauge() {}, count() {}, sample() {} }
