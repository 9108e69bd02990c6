import type { Clock } from '../server/runtime/clock.ts'
import type { Metrics } from '../server/runtime/metrics.ts'
import type { TelemetryConfig } from './config/runtime.ts'

export interface TelemetryOptions extends TelemetryConfig {
  readonly hostName: string
  readonly clock: Clock
}

/** The registry behind the Metrics port, as `/v1/agent/metrics` prints it. */
export class Telemetry implements Metrics, Disposable {
  constructor(_options: TelemetryOptions) {}
  gauge(): void {}
  count(): void {}
  sample(): void {}
  json(): Readonly<Record<string, unknown>> {
    return {}
  }
  /** undefined where no retention time is configured. */
  prometheus(): string | undefined {
    return undefined
  }
  /** Every metric in a line, as SIGUSR1 prints them. */
  dump(): string {
    return ''
  }
  [Symbol.dispose](): void {}
}
