import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import t, { type Test } from 'tap'

import { seededChance } from '../../server/runtime/chance.ts'
import { Link } from './link.ts'

/** A server that sends back what it hears, a link to it, and a client on the link. */
async function linked(
  t: Test,
  { allowHalfOpen = false } = {},
): Promise<{ link: Link; client: Socket; served: Socket[] }> {
  const served: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => socket.write(bytes))
    socket.on('end', () => socket.end('bye'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const target = typeof address === 'object' && address !== null ? address.port : 0
  const link = await Link.open('test', 0, target, seededChance(1))
  const client = connect({ port: link.port, host: '127.0.0.1', allowHalfOpen })
  client.on('error', () => undefined)
  t.teardown(async () => {
    client.destroy()
    await link[Symbol.asyncDispose]()
    server.close()
  })
  return { link, client, served }
}

async function hear(socket: Socket, sizeBytes: number): Promise<string> {
  let heard = ''
  while (heard.length < sizeBytes) {
    const [piece] = (await once(socket, 'data')) as [Buffer]
    heard += piece.toString()
  }
  return heard
}

/** Resolves when it is closed, in order or not. */
function closed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => socket?.once('close', () => resolve()))
}

t.test('in fair weather bytes and ends pass both ways', async (t) => {
  const { client } = await linked(t, { allowHalfOpen: true })
  client.write('hello')
  t.equal(await hear(client, 5), 'hello')
  const [last, end] = [hear(client, 3), once(client, 'end')]
  client.end()
  t.equal(await last, 'bye', 'the end passed, and what was said after it')
  await end
})

t.test('what is held passes when the link heals, whole and in order', async (t) => {
  for (const direction of ['there', 'back'] as const) {
    const { client, link, served } = await linked(t)
    client.write('0')
    t.equal(await hear(client, 1), '0')
    link.suffer(direction, { held: true })
    let heard = ''
    client.on('data', (bytes: Buffer) => (heard += bytes.toString()))
    const reached = new Promise((resolve) => served[0]?.once('data', resolve))
    client.write('1')
    if (direction === 'back') await reached
    client.write('2')
    t.equal(heard, '', `nothing comes while ${direction} is held`)
    link.heal()
    while (heard.length < 2) await once(client, 'data')
    t.equal(heard, '12')
  }
})

t.test('of two faults on one link each ends by itself', async (t) => {
  const { client, link } = await linked(t)
  client.write('0')
  t.equal(await hear(client, 1), '0')
  const ends = [link.suffer('there', { held: true }), link.suffer('there', { held: true })]
  let heard = ''
  client.on('data', (bytes: Buffer) => (heard += bytes.toString()))
  client.write('1')
  ends[0]?.()
  // Time enough for what is not held.
  const other = connect(link.port, '127.0.0.1')
  await once(other, 'connect')
  t.equal(heard, '', 'the second still holds it')
  ends[1]?.()
  while (heard.length < 1) await once(client, 'data')
  t.equal(heard, '1')
  other.destroy()
})

t.test('a slow link changes nothing but the time', async (t) => {
  const { client, link } = await linked(t)
  link.suffer('there', { delayMs: 1, bytesPerSecond: 1_000_000 })
  link.suffer('back', { delayMs: 2 })
  const text = Array.from({ length: 2000 }, (_, number) => `${number},`).join('')
  for (let at = 0; at < text.length; at += 500) client.write(text.slice(at, at + 500))
  t.equal(await hear(client, text.length), text)
})

t.test('a connection that is cut ends for both, and another can be made', async (t) => {
  const { client, link, served } = await linked(t)
  client.write('x')
  await hear(client, 1)
  const ends = [closed(client), closed(served[0])]
  link.cut()
  await Promise.all(ends)
  const next = connect(link.port, '127.0.0.1')
  next.write('again')
  t.equal(await hear(next, 5), 'again')
  next.destroy()
})

t.test('cutting ends what is held, and breaking does what it says', async (t) => {
  const { client, link } = await linked(t)
  link.suffer('there', { held: true })
  client.write('never')
  await once(client, 'ready')
  const broken = closed(client)
  link.cut()
  await broken
  link.suffer('there', { breakChance: 1 })
  const next = connect(link.port, '127.0.0.1')
  next.on('error', () => undefined)
  await once(next, 'connect')
  const gone = closed(next)
  next.write('x')
  await gone
  t.pass('both are closed')
})

t.test('a half-closed connection still speaks the other way', async (t) => {
  const { client, link, served } = await linked(t, { allowHalfOpen: true })
  client.write('x')
  await hear(client, 1)
  const ended = once(served[0] as Socket, 'end')
  const bye = hear(client, 3)
  link.halfClose('there')
  await ended
  t.equal(await bye, 'bye')
})
