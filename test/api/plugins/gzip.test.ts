import { gunzipSync } from 'node:zlib'

import fc from 'fast-check'
import t from 'tap'

import { compress } from '../../../api/plugins/gzip.ts'

t.test('what is compressed comes out again, stored or deflated', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) =>
      gunzipSync(await compress(bytes)).equals(bytes),
    ),
    { verbose: true },
  )
  const large = Buffer.alloc(300_000, 'abc')
  const zipped = compress(large)
  t.ok(zipped instanceof Promise, 'what would take long is done aside')
  t.ok(gunzipSync(await zipped).equals(large))
})
