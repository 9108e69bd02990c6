import { dirname } from 'node:path'

import { must } from '../../server/model/assert.ts'
import type { Disk, DiskFile, DiskLock } from '../../server/raft/storage/disk.ts'
import type { Chance } from '../../server/runtime/chance.ts'

/** What may be lost: a disk keeps its promises by sector, and about names in the order they were made. */
const sectorBytes = 512

interface Inode {
  bytes: Uint8Array
}

type Operation =
  | {
      readonly kind: 'write'
      readonly inode: Inode
      readonly offset: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'empty'; readonly inode: Inode }
  /** Makes durable what had been written to the file when it began. */
  | { readonly kind: 'sync'; readonly inode: Inode; readonly begun: number }
  /** A path names this file now, or nothing. */
  | { readonly kind: 'name'; readonly path: string; readonly inode: Inode | null }
  | { readonly kind: 'syncDirectory'; readonly directory: string }

/** What becomes of the writes that no sync made durable. */
export type Loss = 'all' | 'none' | 'some' | 'garbled'

/** What a test may make fail: it is asked before each call and gives the error. */
export type Fault = (call: 'write' | 'sync' | 'rename' | 'open', path: string) => Error | undefined

/**
 * A disk in memory that remembers everything asked of it, so that the power may be cut after any operation: `crashed` gives the
 * disk as it could be found afterwards.
 */
export class SimulatedDisk implements Disk {
  readonly #names = new Map<string, Inode>()
  readonly #operations: Operation[] = []
  readonly #locks: Set<string> = new Set()
  fault: Fault = () => undefined
  /** Bytes that files may have together. */
  capacityBytes = Infinity

  /** Operations so far: a place to cut the power at. */
  get time(): number {
    return this.#operations.length
  }

  paths(): string[] {
    return [...this.#names.keys()].toSorted()
  }

  /** The very bytes of a file, to look at or to damage. */
  bytesOf(path: string): Uint8Array {
    return must(this.#names.get(path), `${path} is there`).bytes
  }

  remember(path: string, bytes: Uint8Array): void {
    this.#names.set(path, { bytes })
  }

  /** The disk as it is after the power was cut when `time` operations were done. */
  crashed(time: number, loss: Loss, chance: Chance): SimulatedDisk {
    const past = this.#operations.slice(0, time)
    const contents = new Map<Inode, Uint8Array>()
    for (const [at, operation] of past.entries()) {
      if (operation.kind === 'empty') contents.set(operation.inode, new Uint8Array(0))
      if (operation.kind !== 'write') continue
      const durable = past.some(
        (later) => later.kind === 'sync' && later.inode === operation.inode && later.begun > at,
      )
      const before = contents.get(operation.inode) ?? new Uint8Array(0)
      const after = written(before, operation.offset, operation.bytes)
      if (!durable) lose(before, after, operation, loss, chance)
      contents.set(operation.inode, after)
    }
    const disk = new SimulatedDisk()
    for (const [path, inode] of namesAfter(past, loss, chance))
      disk.remember(path, contents.get(inode) ?? new Uint8Array(0))
    return disk
  }

  /** The disk as it is, in another process's hands. */
  reopened(): SimulatedDisk {
    const disk = new SimulatedDisk()
    for (const [path, { bytes }] of this.#names) disk.remember(path, bytes.slice())
    return disk
  }

  async open(path: string, mode: 'existing' | 'create'): Promise<DiskFile> {
    this.#mayFail('open', path)
    let inode = this.#names.get(path)
    if (mode === 'existing') {
      if (inode === undefined) throw errorWith('ENOENT', path)
    } else {
      inode ??= { bytes: new Uint8Array(0) }
      inode.bytes = new Uint8Array(0)
      this.#operations.push({ kind: 'empty', inode })
      this.#name(path, inode)
    }
    return this.#fileOf(path, inode)
  }

  async list(directory: string): Promise<string[]> {
    return this.paths()
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1))
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    this.#mayFail('rename', from)
    const inode = must(this.#names.get(from), `${from} is there`)
    this.#name(to, inode)
    this.#name(from, null)
  }

  async remove(path: string): Promise<void> {
    if (this.#names.has(path)) this.#name(path, null)
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#operations.push({ kind: 'syncDirectory', directory })
  }

  async lock(path: string): Promise<DiskLock | 'taken'> {
    if (this.#locks.has(path)) return 'taken'
    this.#locks.add(path)
    return { release: () => this.#locks.delete(path) }
  }

  #name(path: string, inode: Inode | null): void {
    this.#operations.push({ kind: 'name', path, inode })
    if (inode === null) this.#names.delete(path)
    else this.#names.set(path, inode)
  }

  #mayFail(call: Parameters<Fault>[0], path: string): void {
    const error = this.fault(call, path)
    if (error !== undefined) throw error
  }

  #fileOf(path: string, inode: Inode): DiskFile {
    const operations = this.#operations
    return {
      path,
      sizeBytes: () => inode.bytes.length,
      read: (into, offset) => {
        const bytes = inode.bytes.subarray(offset, offset + into.length)
        into.set(bytes)
        return bytes.length
      },
      write: (bytes, offset) => {
        this.#mayFail('write', path)
        this.#reserve(offset + bytes.length - inode.bytes.length)
        inode.bytes = written(inode.bytes, offset, bytes)
        operations.push({ kind: 'write', inode, offset, bytes: new Uint8Array(bytes) })
      },
      sync: (done) => {
        const begun = operations.length
        setImmediate(() => {
          const error = this.fault('sync', path)
          if (error === undefined) operations.push({ kind: 'sync', inode, begun })
          done(error)
        })
      },
      close: () => {},
    }
  }

  #reserve(moreBytes: number): void {
    const used = [...new Set(this.#names.values())].reduce(
      (sum, { bytes }) => sum + bytes.length,
      0,
    )
    if (moreBytes > 0 && used + moreBytes > this.capacityBytes)
      throw errorWith('ENOSPC', 'the disk')
  }
}

export function errorWith(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}

function written(before: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  const after = new Uint8Array(Math.max(before.length, offset + bytes.length))
  after.set(before)
  after.set(bytes, offset)
  return after
}

/** Puts back, sector by sector, what was there before. */
function lose(
  before: Uint8Array,
  after: Uint8Array,
  { offset, bytes }: { readonly offset: number; readonly bytes: Uint8Array },
  loss: Loss,
  chance: Chance,
): void {
  const end = offset + bytes.length
  const garbled = Math.floor(chance.fraction() * (bytes.length / sectorBytes))
  let count = 0
  for (let sector = offset - (offset % sectorBytes); sector < end; sector += sectorBytes) {
    const [from, through] = [Math.max(sector, offset), Math.min(sector + sectorBytes, end)]
    const lost = loss === 'all' || (loss !== 'none' && chance.fraction() < 0.5)
    if (lost) after.fill(0, from, through).set(before.subarray(from, through), from)
    else if (loss === 'garbled' && count === garbled) after.set(chance.bytes(through - from), from)
    count += 1
  }
}

/** Names as a journal keeps them: those that were synced, and the first few of the rest. */
function namesAfter(past: readonly Operation[], loss: Loss, chance: Chance): Map<string, Inode> {
  const lastSync = past.findLastIndex(({ kind }) => kind === 'syncDirectory')
  const unsynced = past.length - lastSync - 1
  const kept = { all: 0, none: unsynced, some: 0, garbled: 0 }[loss]
  const more =
    loss === 'some' || loss === 'garbled' ? Math.floor(chance.fraction() * (unsynced + 1)) : kept
  const names = new Map<string, Inode>()
  for (const operation of past.slice(0, lastSync + 1 + more)) {
    if (operation.kind !== 'name') continue
    if (operation.inode === null) names.delete(operation.path)
    else names.set(operation.path, operation.inode)
  }
  return names
}
