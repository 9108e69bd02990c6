import { monitorEventLoopDelay } from 'node:perf_hooks'

import { assertNever, must } from '../../server/model/assert.ts'
import { HostedMember } from './hosted-member.ts'
import { sharedNowMs } from './orders.ts'
import type { Order, Report } from './orders.ts'

/** A process of a fleet: it does what its parent orders, and tells what its members see. */

const members = new Map<string, HostedMember>()
const delays = monitorEventLoopDelay({ resolution: 20 })
delays.enable()

function send(report: Report): void {
  process.send?.(report)
}

async function obey(order: Order): Promise<Report> {
  switch (order.kind) {
    case 'open': {
      const opened = await Promise.all(order.seats.map((seat) => HostedMember.open(seat, send)))
      for (const member of opened) members.set(member.seat.name, member)
      return { kind: 'opened' }
    }
    case 'join':
      // One after the other: a pool whose members come all at once is another test.
      for (const member of members.values()) await member.join(order.through)
      return { kind: 'joined' }
    case 'end': {
      const atMs = sharedNowMs()
      const ended = order.names.map((name) => must(members.get(name), 'a member of this process'))
      for (const name of order.names) members.delete(name)
      await Promise.all(ended.map((member) => member[Symbol.asyncDispose]()))
      return { kind: 'ended', atMs }
    }
    case 'look': {
      const stallMs = delays.max / 1e6
      delays.reset()
      const views = Array.from(members.values(), (member) => member.view())
      return { kind: 'views', views, stallMs }
    }
    default:
      return assertNever(order)
  }
}

process.on('message', (order: Order) => void obey(order).then(send))
process.on('disconnect', () => process.exit())
