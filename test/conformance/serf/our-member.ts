/** Our pool as a program of its own: `node our-member.ts OPTIONS`, then orders on its input. It ends where that does. */
import { createInterface } from 'node:readline'

import { describeError } from '../../../server/model/errors.ts'
import { openOurs } from './our-pool.ts'
import type { Ours, OurOptions } from './our-pool.ts'
import type { Order } from './our-process.ts'

async function carryOut(ours: Ours, order: Order): Promise<unknown> {
  switch (order.order) {
    case 'join':
      return ours.pool.join([order.address])
    case 'leave':
      return ours.pool.leave()
    case 'heard':
      return ours.heard(order.name)
    default:
      return ours.view()
  }
}

await using ours = await openOurs(JSON.parse(process.argv[2] ?? '') as OurOptions)
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await carryOut(ours, JSON.parse(line) as Order).then(
    (value) => ({ value: value ?? null }),
    (error: unknown) => ({ error: describeError(error) }),
  )
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
