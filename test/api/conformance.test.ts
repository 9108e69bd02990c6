import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { checkSegment } from '../../agent/segment.ts'
import { fakePorts } from '../support/fake-agent.ts'
import { type Answer, serve } from '../support/http.ts'
import { localRpc } from '../support/local-rpc.ts'

const golden = await readFile(join(import.meta.dirname, '../golden/http.txt'), 'utf8')

interface Case {
  readonly request: string
  readonly expected: string
}

/** Blocks of `> request`, `< status and headers`, `| body`. */
function* cases(): Iterable<Case> {
  for (const block of golden.split('\n\n').slice(1)) {
    const [first = '', ...rest] = block.trimEnd().split('\n')
    yield { request: first.slice(2), expected: rest.join('\n') }
  }
}

/** An answer written as those of the golden file are: without what only connections know, and without the values of indexes. */
function print({ status, reason, headers, body }: Answer): string {
  const shown = Object.entries(headers)
    .filter(([name]) => !/^(Content-Length|Connection)$/.test(name))
    .map(
      ([name, value]) => `< ${name}: ${name === 'X-Consul-Index' && value !== '1' ? 'N' : value}`,
    )
    .toSorted()
  const text = body
    .replace(/("(?:Create|Modify)Index": ?)\d+/g, '$1N')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}/g, 'UUID"}')
  const lines = text.split('\n').map((line) => `| ${line}`)
  return [`< ${status} ${reason}`, ...shown, ...lines].join('\n').trimEnd()
}

for (const stays of [true, false])
  t.test(
    `answers are those of Consul, byte for byte, on connections that ${stays ? 'stay open' : 'are closed'}`,
    (t) => replay(t, stays),
  )

async function replay(t: Test, stays: boolean): Promise<void> {
  const { rpc, leader } = localRpc()
  const ports = fakePorts({
    rpc,
    agent: {
      services: () => ({}),
      checks: () => ({}),
      service: () => undefined,
      members: ({ segment }) => {
        checkSegment(segment, true)
        return []
      },
    },
  })
  const { ask } = await serve(t, ports)
  const node = { ID: '1d25d2fc-7d4e-4a3c-8b5e-0f8a2c9c1a10', Node: 'n1', Address: '127.0.0.1' }
  const health = { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing' }
  await ask('PUT', '/v1/catalog/register', { body: JSON.stringify({ ...node, Check: health }) })
  t.ok(leader.log.index > 0)
  let count = 0
  for (const { request, expected } of cases()) {
    const [, method = '', target = '', body = ''] = /^(\S+) (\S+) ?(.*)$/.exec(request) ?? []
    t.equal(print(await ask(method, target, { body, stays })), expected, request)
    count += 1
  }
  t.ok(count > 250, 'all cases ran')
}
