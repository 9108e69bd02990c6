import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { planWatch } from '../../../agent/watch/definition.ts'
import type { WatchDefinition } from '../../../agent/watch/definition.ts'
import { startAgentProcess } from '../../support/agent-process.ts'

t.test('a watch that makes no sense is refused in the words of Consul', async (t) => {
  const args = ['x']
  const http = { type: 'key', key: 'a', handler_type: 'http' }
  const httpFault = "Failed to parse 'http_handler_config'"
  const cases: readonly [WatchDefinition, string][] = [
    [{ args }, 'Watch type must be specified'],
    [{ type: 'bogus', args }, 'Unsupported watch type: bogus'],
    [{ type: 'connect_roots', args }, 'Watch type connect_roots is not allowed in agent config'],
    [{ type: 'key', args }, 'Must specify a single key to watch'],
    [{ type: 'service', args }, 'Must specify a single service to watch'],
    [{ type: 'checks', service: 'a', state: 'x', args }, 'Cannot specify service and state'],
    [{ type: 'nodes', key: 'a', args }, 'Invalid parameters: [key]'],
    [{ type: 'service', service: 'a', tag: 1, args }, 'Expecting tag to be a string or []string'],
    [{ type: 'nodes' }, 'Must define a watch handler'],
    [{ type: 'nodes', args, handler: 'y' }, 'Only one watch handler allowed'],
    [{ type: 'nodes', args: [1] }, 'Watch args must be a list of strings'],
    [{ type: 'nodes', args: [] }, 'Watch args must be a list of strings'],
    [{ type: 'nodes', args, handler_type: 'zz' }, "Handler type 'zz' not recognized"],
    [{ ...http, args }, 'Only one watch handler allowed'],
    [http, "Handler type 'http' requires 'http_handler_config' to be set"],
    [{ ...http, http_handler_config: {} }, `${httpFault}: Requires 'path' to be set`],
    [
      { ...http, http_handler_config: { path: 'http://x', timeout: 'z' } },
      `${httpFault}: Failed to parse timeout: time: invalid duration "z"`,
    ],
  ]
  for (const [definition, message] of cases)
    t.throws(() => planWatch(definition, 'sh'), { message }, JSON.stringify(definition))
})

t.test('a line is for a shell, and an HTTP handler is posted to for ten seconds at most', (t) => {
  const { handler } = planWatch({ type: 'nodes', handler: 'a b' }, '/bin/sh')
  t.strictSame(handler, { kind: 'command', args: ['/bin/sh', '-c', 'a b'] })
  const web = planWatch(
    { type: 'nodes', handler_type: 'http', http_handler_config: { path: 'http://x' } },
    '/bin/sh',
  )
  t.match(web.handler, { method: 'POST', timeoutMs: 10_000, skipVerify: false })
  t.end()
})

/** What handlers were told, and resolves once that holds of it. */
async function handlerServer(t: Test): Promise<{
  readonly url: string
  readonly told: string[]
  readonly until: (holds: (told: readonly string[]) => boolean) => Promise<void>
}> {
  const told: string[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const index = Number(request.headers['x-consul-index']) > 0 ? 'index' : 'no index'
      told.push(`${request.method} ${request.url} ${index} ${valueIn(Buffer.concat(chunks))}`)
      response.writeHead(request.url === '/refuses' ? 500 : 200).end('so it is')
      for (const look of waiting) look()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    until: (holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!holds(told)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

function valueIn(body: Buffer): string {
  const pair = JSON.parse(body.toString()) as { readonly Value: string } | null
  return pair === null ? 'nothing' : Buffer.from(pair.Value, 'base64').toString()
}

t.test('an agent tells its handlers what changes, and takes on others while it runs', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'watches-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const { url, told, until } = await handlerServer(t)
  const config = join(directory, 'watches.json')
  const output = join(directory, 'output')
  const posting = (key: string, path: string): WatchDefinition => ({
    type: 'key',
    key,
    handler_type: 'http',
    http_handler_config: { path: url + path, method: 'PUT', header: { 'X-Of': ['test'] } },
  })
  const running = {
    type: 'event',
    name: 'deploy',
    args: ['sh', '-c', `cat >> ${output}; echo "index $CONSUL_INDEX" >> ${output}; exit 3`],
  }
  const write = (watches: readonly WatchDefinition[]): Promise<void> =>
    writeFile(config, JSON.stringify({ watches }))

  await write([posting('a', '/a'), posting('b', '/refuses'), running])
  await using agent = await startAgentProcess({
    args: ['-dev', '-node=n1', `-config-file=${config}`, '-log-level=trace'],
  })
  await agent.untilLeading()
  await until(() => told.length === 2)
  t.strictSame(told.toSorted(), ['PUT /a index nothing', 'PUT /refuses index nothing'])

  t.equal((await agent.ask('PUT', '/kv/a', '1')).status, 200)
  await until(() => told.includes('PUT /a index 1'))
  t.equal((await agent.ask('PUT', '/event/fire/deploy', 'now')).status, 200)
  t.equal((await agent.ask('PUT', '/event/fire/other')).status, 200)
  const events = async (): Promise<string> => readFile(output, 'utf8').catch(() => '')
  while (!/deploy.*\nindex \d{3,}\n/.test(await events()))
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.match(await events(), /^\[\]\nindex 1\n\[\{"ID":"[^"]+","Name":"deploy","Payload":"bm93"/)

  await write([posting('a', '/a'), posting('c', '/c')])
  t.equal((await agent.ask('PUT', '/agent/reload')).status, 200)
  await until(() => told.includes('PUT /c index nothing'))
  told.length = 0
  for (const key of ['b', 'c', 'a'])
    t.equal((await agent.ask('PUT', `/kv/${key}`, `${key}2`)).status, 200)
  await until(() => told.length === 2)
  t.strictSame(told.toSorted(), ['PUT /a index a2', 'PUT /c index c2'], 'what is kept goes on')

  await write([{ type: 'key', args: ['x'] }])
  const refused = await agent.ask('PUT', '/agent/reload')
  t.equal(refused.status, 500)
  t.match(refused.text, /watches\[0\]\): Must specify a single key to watch/)
  const log = agent.output()
  t.match(log, /http watch handler failed with output: .*status="500 Internal Server Error"/)
  t.match(log, /Failed to run watch handler: .*error="exit status 3"/)
})
