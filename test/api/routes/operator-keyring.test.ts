import t from 'tap'

import { fakePorts } from '../../support/fake-agent.ts'
import { memoryGossip } from '../../support/gossip.ts'
import { serve } from '../../support/http.ts'

const [oldKey, newKey] = [Buffer.alloc(32, 7), Buffer.alloc(16, 9)]
const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64')
const withKey = (Key: string) => ({ body: JSON.stringify({ Key }) })
const path = '/v1/operator/keyring'

const pool = (WAN: boolean, keys: readonly Uint8Array[], primary: Uint8Array): string =>
  JSON.stringify({
    WAN,
    Datacenter: 'dc1',
    Segment: '',
    Keys: Object.fromEntries(keys.map((key) => [base64(key), 1])),
    PrimaryKeys: { [base64(primary)]: 1 },
    NumNodes: 1,
  })
const list = (keys: readonly Uint8Array[], primary: Uint8Array): string =>
  `[${pool(true, keys, primary)},${pool(false, keys, primary)}]`

t.test('a key is installed, used, and takes the place of the old one', async (t) => {
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip({ keys: [oldKey] }) }))
  t.match(await ask('GET', path), { status: 200, body: list([oldKey], oldKey) })
  const done = { status: 200, body: '', headers: { 'Content-Length': '0' } }
  t.match(await ask('POST', path, withKey(base64(newKey))), done)
  // In the order of their text.
  t.match(await ask('GET', path), { body: list([oldKey, newKey], oldKey) })
  t.match(await ask('PUT', path, withKey(base64(newKey))), done)
  t.match(await ask('GET', path), { body: list([oldKey, newKey], newKey) })
  t.match(await ask('DELETE', `${path}?relay-factor=3`, withKey(base64(oldKey))), done)
  t.match(await ask('DELETE', path, withKey(base64(oldKey))), done, 'what is gone is gone')
  t.match(await ask('GET', `${path}?relay-factor=5&local-only=true&dc=dc2`), {
    body: `[${pool(false, [newKey], newKey)}]`,
  })
  t.match(await ask('GET', `${path}?local-only=false`), { body: list([newKey], newKey) })
})

t.test("what can't be done is said for each pool and member, as by Consul", async (t) => {
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip({ keys: [oldKey] }) }))
  const all = (reason: string): string =>
    `4 errors occurred:\n\t* WAN error: 1/1 nodes reported failure\n\t* n1.dc1: ${reason}\n` +
    `\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: ${reason}\n\n`
  const each = (reason: string): string =>
    `2 errors occurred:\n\t* WAN error: ${reason}\n\t* dc1 (LAN) error: ${reason}\n\n`
  const cases: readonly [
    method: string,
    query: string,
    body: string,
    status: number,
    text: string,
  ][] = [
    ['DELETE', '', base64(oldKey), 500, all('Removing the primary key is not allowed')],
    ['PUT', '', base64(newKey), 500, all('Requested key is not in the keyring')],
    ['POST', '', 'AAAA', 500, all('key size must be 16, 24 or 32 bytes')],
    ['POST', '', '', 500, all('key size must be 16, 24 or 32 bytes')],
    ['POST', '', 'x', 500, each('illegal base64 data at input byte 0')],
  ]
  for (const [method, query, key, status, body] of cases)
    t.match(await ask(method, path + query, withKey(key)), { status, body }, `${method} ${key}`)

  const bad = 'Bad request: '
  const requests: readonly [method: string, query: string, given: string, text: string][] = [
    [
      'GET',
      '?local-only=x',
      '',
      'Error parsing local-only: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    ['GET', '?relay-factor=6', '', 'Invalid relay-factor: Relay factor must be in range: [0, 5]'],
    ['GET', '?relay-factor=-1', '', 'Invalid relay-factor: Relay factor must be in range: [0, 5]'],
    [
      'GET',
      '?relay-factor=x',
      '',
      'Error parsing relay factor: strconv.Atoi: parsing "x": invalid syntax',
    ],
    ['POST', '', '', 'Request decode failed: EOF'],
    ['POST', '', '{', 'Request decode failed: unexpected EOF'],
    ['POST', '', '{"Bogus":1}', 'Request decode failed: json: unknown field "Bogus"'],
    [
      'POST',
      '',
      '{"Key":1}',
      'Request decode failed: json: cannot unmarshal number into Go struct field keyringArgs.Key of type string',
    ],
    [
      'POST',
      '?local-only=true',
      '{}',
      'Invalid use of local-only: local-only can only be set for list requests',
    ],
  ]
  for (const [method, query, body, text] of requests)
    t.match(await ask(method, path + query, { body }), { status: 400, body: bad + text }, text)
  t.match(await ask('OPTIONS', path), { headers: { Allow: 'OPTIONS,GET,POST,PUT,DELETE' } })
})

t.test('a pool without keys says so', async (t) => {
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip() }))
  t.match(await ask('GET', path), {
    status: 500,
    body:
      '4 errors occurred:\n\t* WAN error: 1/1 nodes reported failure\n\t* n1.dc1: Keyring is empty (encryption not enabled)\n' +
      '\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: Keyring is empty (encryption not enabled)\n\n',
  })
})
