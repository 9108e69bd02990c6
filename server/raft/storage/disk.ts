/**
 * What storage may ask of a disk, so that a simulated one, which loses whatever was not synced, can stand in for the real one
 * (node-disk.ts). Paths are absolute. A name is durable once its directory was synced; bytes are durable once their file was.
 */
export interface Disk {
  /** Opens for reading and writing. `create` makes the file or empties the one that is there; else it must exist. */
  open(path: string, mode: 'existing' | 'create'): Promise<DiskFile>
  /** Names in a directory, in no order; a directory that does not exist has none. */
  list(directory: string): Promise<string[]>
  /** Makes the directory and those above it, and makes their names durable. */
  makeDirectory(directory: string): Promise<void>
  /** Replaces `to` if it is there. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all it holds; no matter if it is not there. */
  remove(path: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
  /** Takes the lock that this path stands for until released, or until the process ends, however it ends. */
  lock(path: string): Promise<DiskLock | 'taken'>
}

export interface DiskLock {
  release(): void
}

export interface DiskFile {
  readonly path: string
  sizeBytes(): number
  /** Reads until `into` is full or the file ends; says how many bytes it read. */
  read(into: Uint8Array, offset: number): number
  /** Hands all of `bytes` to the page cache. Not durable before a sync that begins later has called back without error. */
  write(bytes: Uint8Array, offset: number): void
  /** Makes the bytes durable. Called back exactly once, later. After an error nothing is known about any unsynced byte. */
  sync(done: (error: Error | undefined) => void): void
  close(): void
}

export function synced(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error === undefined ? resolve() : reject(error)))
  })
}
