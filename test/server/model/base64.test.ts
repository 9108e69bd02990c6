import fc from 'fast-check'
import t from 'tap'

import { decodeBase64 } from '../../../server/model/base64.ts'

t.test("text is base64 where Go takes it, and else wrong at Go's byte", async (t) => {
  const wrong: readonly [text: string, byte: number][] = [
    ['xx', 0],
    ['xxx', 0],
    ['xxxxxx', 4],
    ['xxxxx', 4],
    ['xx=', 3],
    ['x=', 1],
    ['=', 0],
    ['xx==y', 4],
    ['xxxx=', 4],
    ['xx=x', 2],
    ['x x=', 1],
    ['xxé=', 2],
    ['xx-_', 2],
  ]
  for (const [text, byte] of wrong)
    t.strictSame(
      decodeBase64(text),
      { ok: false, error: `illegal base64 data at input byte ${byte}` },
      text,
    )
  for (const text of ['', 'eA==', 'e\nA=\r\n=\n', 'eHk=', 'eHl6', '+/+/'])
    t.strictSame(decodeBase64(text), {
      ok: true,
      bytes: new Uint8Array(Buffer.from(text, 'base64')),
    })
})

t.test('whatever was encoded comes back, lines or not', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.integer({ min: 1, max: 80 }),
      (bytes, width) => {
        const text = Buffer.from(bytes).toString('base64')
        const lines = text.replaceAll(new RegExp(`(.{${width}})`, 'g'), '$1\r\n')
        return [text, lines].every((one) => {
          const decoded = decodeBase64(one)
          return decoded.ok && Buffer.from(decoded.bytes).equals(bytes)
        })
      },
    ),
  )
})
