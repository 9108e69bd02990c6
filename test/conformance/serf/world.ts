/** What a chapter runs in: the programs, and ports and a directory of its own. */
export interface World {
  readonly serf: string
  readonly consul: string
  readonly directory: string
  readonly nextPort: () => Promise<number>
}

/** What a pool is encrypted with; undefined for one in the clear. */
export type Key = Uint8Array | undefined

export function base64(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64')
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}
