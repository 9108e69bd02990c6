import { once } from 'node:events'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import t from 'tap'

import { listen, type ListenAddress } from '../../api/listen.ts'
import { systemClock } from '../../server/runtime/clock.ts'

const options = {
  connectionsPerClientMax: 10,
  clock: systemClock,
  isStreamed: () => false,
  onTrouble() {},
}
const hello: RequestListener = (_request, response) => response.end('hello')

async function ask(address: ListenAddress): Promise<string> {
  const asked = request('socketPath' in address ? { socketPath: address.socketPath } : address)
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return text(response)
}

t.test('a port that is free is found and told', async (t) => {
  const listener = await listen({ host: '127.0.0.1', port: 0 }, hello, options)
  t.teardown(() => listener.close())
  t.match(listener.address, { host: '127.0.0.1', port: Number })
  t.equal(await ask(listener.address), 'hello')
  await t.rejects(listen(listener.address, hello, options), { code: 'EADDRINUSE' })
})

t.test(
  'a Unix socket has the mode it was given, and replaces one that was left behind',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'praetor-'))
    t.teardown(() => rm(dir, { recursive: true }))
    const socketPath = join(dir, 'http.sock')
    await writeFile(socketPath, 'left by a crash')
    await chmod(socketPath, 0o400)
    const listener = await listen({ socketPath, mode: 0o660 }, hello, options)
    t.equal((await stat(socketPath)).mode & 0o777, 0o660)
    t.equal(await ask(listener.address), 'hello')
    await listener.close()
    await t.rejects(stat(socketPath), { code: 'ENOENT' })
  },
)

t.test('closing does not wait for answers', async (t) => {
  const asked = Promise.withResolvers<void>()
  const listener = await listen({ host: '127.0.0.1', port: 0 }, () => asked.resolve(), options)
  const answer = ask(listener.address)
  await asked.promise
  await t.rejects(Promise.all([listener.close(), answer]), { code: 'ECONNRESET' })
})
