import t from 'tap'

import { findRecursors } from '../../agent/recursors.ts'

t.test('a recursor is an address or a name, on the port of DNS where none is given', async (t) => {
  t.strictSame(
    await findRecursors(['192.0.2.1', '192.0.2.1:5300', '::1', '[::1]:53', '[2001:db8::1]']),
    [
      { host: '192.0.2.1', port: 53 },
      { host: '192.0.2.1', port: 5300 },
      { host: '::1', port: 53 },
      { host: '::1', port: 53 },
      { host: '2001:db8::1', port: 53 },
    ],
  )
  t.match(await findRecursors(['localhost:54']), [{ host: /^(127\.0\.0\.1|::1)$/, port: 54 }])
})

t.test('what is neither is refused in the words of Go', async (t) => {
  const cases: readonly [text: string, why: string][] = [
    ['127.0.0.1:99999', 'address 99999: invalid port'],
    ['a:b:c', 'address a:b:c: too many colons in address'],
    ['1.2.3.4:x', 'address tcp/x: unknown port'],
    ['https://1.1.1.1', 'address tcp///1.1.1.1: unknown port'],
    ['no-such-host.invalid', 'lookup no-such-host.invalid: no such host'],
  ]
  for (const [text, why] of cases)
    await t.rejects(findRecursors(['192.0.2.1', text]), {
      kind: 'failed',
      message: `Invalid recursor address: ${why}`,
    })
})
