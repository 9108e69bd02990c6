import { connectionType } from './rpc/connection-type.ts'
import { dial } from './rpc/dial.ts'
import { askForSnapshot } from './rpc/snapshot-stream.ts'
import type { SavedSnapshot, SnapshotOptions } from './rpc/snapshot-stream.ts'
import type { Clock } from './runtime/clock.ts'
import type { Tls } from './tls/tls.ts'

export interface SnapshotCallsConfig {
  readonly clock: Clock
  readonly datacenter: string
  readonly tls: Tls
}

/** Takes snapshots from servers, and brings them some, by their addresses. */
export class SnapshotCalls {
  readonly #config: SnapshotCallsConfig

  constructor(config: SnapshotCallsConfig) {
    this.#config = config
  }

  save(address: string, options: SnapshotOptions): Promise<SavedSnapshot> {
    return this.#ask(address, options)
  }

  async restore(
    address: string,
    archive: AsyncIterable<Uint8Array>,
    options: SnapshotOptions,
  ): Promise<void> {
    await this.#ask(address, options, archive)
  }

  async #ask(
    address: string,
    { stale = false, forwarded = false, token = '' }: SnapshotOptions,
    archive?: AsyncIterable<Uint8Array>,
  ): Promise<SavedSnapshot> {
    const { clock, datacenter, tls } = this.#config
    const { signal } = new AbortController()
    const socket = await dial(address, connectionType.snapshot, {
      clock,
      signal,
      secure: tls.now.outgoing,
    })
    const request = { datacenter, token, stale, forwarded }
    return askForSnapshot(socket, archive === undefined ? request : { ...request, archive })
  }
}
