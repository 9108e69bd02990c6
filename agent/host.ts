import { readFile, statfs } from 'node:fs/promises'
import { arch, cpus, freemem, hostname, platform, release, totalmem, uptime } from 'node:os'

import { describeError } from '../server/model/errors.ts'

/** Go's names for what Node calls otherwise. */
const goArch: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }
export const hostArch = (): string => goArch[arch()] ?? arch()
export const hostOs = (): string => (platform() === 'win32' ? 'windows' : platform())

/**
 * What `/v1/agent/host` tells of the machine, in Consul's layout. Figures that Node can't give are absent, not invented. Bytes and
 * seconds; CollectionTime is in nanoseconds.
 */
export async function describeHost(
  wallMs: number,
  dataDir: string,
): Promise<Record<string, unknown>> {
  const errors: string[] = []
  const disk = await describeDisk(dataDir === '' ? '/' : dataDir).catch((error: unknown) => {
    errors.push(describeError(error))
    return null
  })
  return {
    Memory: await describeMemory(),
    CPU: cpus().map(({ model, speed }, cpu) => ({ cpu, modelName: model, mhz: speed })),
    Host: {
      hostname: hostname(),
      uptime: Math.floor(uptime()),
      bootTime: Math.floor(wallMs / 1000 - uptime()),
      os: hostOs(),
      kernelVersion: release(),
      kernelArch: arch() === 'x64' ? 'x86_64' : arch(),
    },
    Disk: disk,
    CollectionTime: BigInt(Math.floor(wallMs)) * 1_000_000n,
    Errors: errors.length === 0 ? null : errors,
  }
}

async function describeMemory(): Promise<Record<string, number>> {
  const total = totalmem()
  const meminfo = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const kilobytes = (name: string): number | undefined => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)
    return match === null ? undefined : Number(match[1]) * 1024
  }
  const available = kilobytes('MemAvailable') ?? freemem()
  const used = total - available
  return {
    total,
    available,
    used,
    usedPercent: (used / total) * 100,
    free: kilobytes('MemFree') ?? freemem(),
    ...definedOnly({ buffers: kilobytes('Buffers'), cached: kilobytes('Cached') }),
  }
}

async function describeDisk(path: string): Promise<Record<string, unknown>> {
  const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path)
  const total = blocks * bsize
  const used = (blocks - bfree) * bsize
  return {
    path,
    total,
    free: bavail * bsize,
    used,
    usedPercent: total === 0 ? 0 : (used / (used + bavail * bsize)) * 100,
    inodesTotal: files,
    inodesUsed: files - ffree,
    inodesFree: ffree,
    inodesUsedPercent: files === 0 ? 0 : ((files - ffree) / files) * 100,
  }
}

function definedOnly(fields: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, number] => field[1] !== undefined),
  )
}
