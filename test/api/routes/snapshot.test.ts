import { gunzipSync } from 'node:zlib'

import t from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

async function* pieces(): AsyncIterable<Uint8Array> {
  yield Buffer.from('one ')
  yield Buffer.from('two')
}

t.test('a snapshot is streamed out, gzipped once more for who takes gzip', async (t) => {
  const asked: boolean[] = []
  const save = ({ stale }: { readonly stale: boolean }) => {
    asked.push(stale)
    return Promise.resolve({ index: 9, lastContactMs: 3, knownLeader: true, archive: pieces() })
  }
  const { ask } = await serve(t, fakePorts({ snapshots: { save } }))
  t.match(await ask('GET', '/v1/snapshot?stale'), {
    status: 200,
    body: 'one two',
    headers: {
      'Content-Type': 'application/x-gzip',
      'X-Consul-Index': '9',
      'X-Consul-Knownleader': 'true',
      'X-Consul-Lastcontact': '3',
    },
  })
  const zipped = await ask('GET', '/v1/snapshot', { headers: { 'Accept-Encoding': 'gzip' } })
  t.equal(gunzipSync(zipped.bytes).toString(), 'one two')
  t.same(asked, [true, false])
})

t.test('a snapshot is restored from the body, or refused with the reason', async (t) => {
  const restored: string[] = []
  const restore = async (archive: AsyncIterable<Uint8Array>): Promise<void> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of archive) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    if (text === 'junk')
      throw new PraetorError('failed', 'failed to decompress snapshot: unexpected EOF')
    restored.push(text)
  }
  const { ask } = await serve(t, fakePorts({ snapshots: { restore } }))
  t.match(await ask('PUT', '/v1/snapshot', { body: 'archive' }), { status: 200, body: '' })
  t.same(restored, ['archive'])
  t.match(await ask('PUT', '/v1/snapshot', { body: 'junk' }), {
    status: 500,
    body: 'failed to decompress snapshot: unexpected EOF',
  })
  t.match(await ask('PUT', '/v1/snapshot?stale', { body: 'x' }), {
    status: 500,
    body: 'stale not allowed for restore',
  })
  t.match(await ask('GET', '/v1/snapshot?dc=x'), { status: 500, body: 'No path to datacenter' })
})
