import { readFile } from 'node:fs/promises'

import type { Clock, Timer } from '../../runtime/clock.ts'

export interface KernelDropsOptions {
  readonly clock: Clock
  readonly port: number
  /** So many more since the last time. */
  readonly onDrops: (packets: number) => void
}

const lookEveryMs = 10_000

/** Looks now and then whether the kernel throws datagrams away for want of room. Elsewhere than on Linux nothing is known of it. */
export function watchKernelDrops({ clock, port, onDrops }: KernelDropsOptions): Disposable {
  let timer: Timer | undefined
  let isOver = false
  let before: number | undefined
  const look = async (): Promise<void> => {
    const tables = await Promise.all(['udp', 'udp6'].map(readTable))
    if (isOver) return
    const drops = tables.reduce((sum, table) => sum + kernelDrops(table, port), 0)
    if (before !== undefined && drops > before) onDrops(drops - before)
    before = drops
    timer = clock.after(lookEveryMs, () => void look())
  }
  void look()
  return {
    [Symbol.dispose]() {
      isOver = true
      timer?.cancel()
    },
  }
}

/** What the sockets of that port lost since they were opened, by the text of `/proc/net/udp`. */
export function kernelDrops(table: string, port: number): number {
  let drops = 0
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const [, localPort = ''] = (columns[1] ?? '').split(':')
    if (Number.parseInt(localPort, 16) === port) drops += Number(columns[12] ?? 0)
  }
  return drops
}

function readTable(name: string): Promise<string> {
  return readFile(`/proc/net/${name}`, 'utf8').catch(() => '')
}
