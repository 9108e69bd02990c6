/**
 * Gives a process a disk that fails, is full, or is slow, as a file says that may change while it runs. To be loaded before the
 * program, which knows nothing of it:
 *
 *     FAULTY_DISK=RULES NODE_OPTIONS='--import …/faulty-disk.ts' node …
 *
 * The file is JSON: a list of DiskRule. It wraps the functions of node:fs that storage is made of (server/raft/storage/node-disk.ts).
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants } from 'node:os'

/** What befalls the files whose path matches. */
export interface DiskRule {
  /**
   * `sync` is fdatasync and fsync; `write` is any write; `grow` is one that makes a file longer, which is what a full disk refuses;
   * `open` is opening for writing, and making directories, which is what one that is read-only refuses.
   */
  readonly call: 'sync' | 'write' | 'grow' | 'open'
  /** The source of a regular expression. */
  readonly path: string
  /** What it fails with; else it succeeds, late. */
  readonly error?: 'EIO' | 'ENOSPC' | 'EROFS'
  /** A sync takes so much longer. */
  readonly delayMs?: number
  /** A sync does not end before this rule is gone. */
  readonly held?: true
}

const rulesPath = process.env['FAULTY_DISK'] ?? ''
const { closeSync, fdatasync, fstatSync, open, readFileSync, writeSync } = fs
const { mkdir: makeDirectory, open: openHandle } = fs.promises
const paths = new Map<number, string>()
const lookMs = 20

function rulesFor(call: DiskRule['call'], path: string): DiskRule[] {
  const rules = JSON.parse(readFileSync(rulesPath, 'utf8')) as DiskRule[]
  return rules.filter((rule) => rule.call === call && new RegExp(rule.path).test(path))
}

function errorFor(call: DiskRule['call'], path: string): NodeJS.ErrnoException | undefined {
  const code = rulesFor(call, path).find(({ error }) => error !== undefined)?.error
  if (code === undefined) return undefined
  const errno = -constants.errno[code]
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, errno, syscall: call })
}

function mayFail(call: DiskRule['call'], path: string): void {
  const error = errorFor(call, path)
  if (error !== undefined) throw error
}

function mayWrite(descriptor: number, end: number): void {
  const path = paths.get(descriptor)
  if (path === undefined) return
  mayFail('write', path)
  if (end > fstatSync(descriptor).size) mayFail('grow', path)
}

/** As long as the rules want a sync of this file to take. */
async function delay(path: string): Promise<void> {
  const delayMs = Math.max(0, ...rulesFor('sync', path).map((rule) => rule.delayMs ?? 0))
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
  while (rulesFor('sync', path).some(({ held }) => held))
    await new Promise((resolve) => setTimeout(resolve, lookMs))
}

fs.open = ((path: string, flags: string, mode: number, done: Opened) => {
  const error = flags === 'r' ? undefined : errorFor('open', path)
  if (error === undefined)
    open(path, flags, mode, (failure, descriptor) => {
      if (failure === null) paths.set(descriptor, path)
      done(failure, descriptor)
    })
  else setImmediate(() => done(error, -1))
}) as typeof fs.open

type Opened = (error: NodeJS.ErrnoException | null, descriptor: number) => void

fs.closeSync = (descriptor) => {
  paths.delete(descriptor)
  closeSync(descriptor)
}

fs.writeSync = ((
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => {
  mayWrite(descriptor, position + length)
  return writeSync(descriptor, bytes, offset, length, position)
}) as typeof fs.writeSync

fs.fdatasync = ((descriptor, done) => {
  const path = paths.get(descriptor) ?? ''
  const sync = async (): Promise<void> => {
    await delay(path)
    const error = errorFor('sync', path)
    if (error === undefined) fdatasync(descriptor, done)
    else done(error)
  }
  void sync()
}) as typeof fs.fdatasync

fs.promises.mkdir = (async (path: string, mode: number) => {
  mayFail('open', path)
  await makeDirectory(path, mode)
}) as typeof fs.promises.mkdir

fs.promises.open = (async (path: string, flags: string, mode: number) => {
  if (flags !== 'r') mayFail('open', path)
  const handle = await openHandle(path, flags, mode)
  const datasync = handle.datasync.bind(handle)
  const sync = handle.sync.bind(handle)
  const write = handle.writeFile.bind(handle)
  const synced = async (really: () => Promise<void>): Promise<void> => {
    await delay(path)
    mayFail('sync', path)
    await really()
  }
  return Object.assign(handle, {
    sync: () => synced(sync),
    datasync: () => synced(datasync),
    async writeFile(text: string) {
      mayFail('write', path)
      mayFail('grow', path)
      await write(text)
    },
  })
}) as typeof fs.promises.open

syncBuiltinESMExports()
