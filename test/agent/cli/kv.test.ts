import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { follow, runLine } from '../../support/command-line.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const { port, ask } = await serve(t, { rpc: localRpc().rpc })
const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
await writeFile(join(directory, 'data'), 'from a file')

const wrong = { code: 1 }

t.test('values are written, read and deleted', (t) =>
  follow(t, port, [
    ['kv put a 1', 'Success! Data written to: a\n'],
    ['kv get a', '1\n'],
    ['kv get /a', '1\n'],
    ['kv get -base64 a', 'MQ==\n'],
    ['kv put -base64 a aGk=', 'Success! Data written to: a\n'],
    ['kv get a', 'hi\n'],
    [`kv put a @${directory}/data`, 'Success! Data written to: a\n'],
    ['kv get a', 'from a file\n'],
    ['kv put a -', 'Success! Data written to: a\n', { stdin: 'from standard input' }],
    ['kv get a', 'from standard input\n'],
    ['kv put empty', 'Success! Data written to: empty\n'],
    ['kv get empty', '\n'],
    ["kv put 'sp ace/%2f?q#f+ü' v", 'Success! Data written to: sp ace/%2f?q#f+ü\n'],
    ["kv get 'sp ace/%2f?q#f+ü'", 'v\n'],
    ['kv get -keys', 'a\nempty\nsp ace/\n'],
    ['kv get -keys -separator= sp', 'sp ace/%2f?q#f+ü\n'],
    ['kv delete -recurse sp', 'Success! Deleted keys with prefix: sp\n'],
    ['kv get -recurse', 'a:from standard input\nempty:\n'],
    ['kv get -recurse -base64 e', 'empty:\n'],
    ['kv delete a', 'Success! Deleted key: a\n'],
    ['kv delete a', 'Success! Deleted key: a\n'],
    ['kv get a', 'Error! No key exists at: a\n', wrong],
    ['kv get -keys nope', ''],
    ['kv get -recurse nope', ''],
    ['kv delete -recurse', 'Success! Deleted keys with prefix: \n'],
  ]),
)

t.test('a key is told in detail, its flags to the last of 64 bits', async (t) => {
  await ask('PUT', '/v1/kv/t/1?flags=18446744073709551615', { body: 'x \n ' })
  await ask('PUT', '/v1/kv/t/2')
  const { out } = await runLine(['kv', 'get', '-detailed', '-recurse', 't/'], {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` },
  })
  t.equal(
    out.replaceAll(/(Index +)[1-9]\d*/g, '$1#'),
    `CreateIndex      #
Flags            18446744073709551615
Key              t/1
LockIndex        0
ModifyIndex      #
Session          -
Value            x \n \n
CreateIndex      #
Flags            0
Key              t/2
LockIndex        0
ModifyIndex      #
Session          -
Value
`,
  )
})

t.test('bytes that are no text come out as they went in', async (t) => {
  await ask('PUT', '/v1/kv/bytes', { body: Buffer.from([0xff, 0xa0]) })
  const { out } = await runLine(['kv', 'get', '-base64', 'bytes'], {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` },
  })
  t.equal(out, '/6A=\n')
})

t.test('a condition that is not met is an error', async (t) => {
  await ask('PUT', '/v1/kv/c', { body: '1' })
  const { ModifyIndex } = (
    JSON.parse((await ask('GET', '/v1/kv/c')).body) as readonly { readonly ModifyIndex: number }[]
  )[0] ?? { ModifyIndex: 0 }
  await follow(t, port, [
    ['kv put -cas -modify-index=1 c 2', 'Error! Did not write to c: CAS failed\n', wrong],
    ['kv delete -cas -modify-index=1 c', 'Error! Did not delete key c: CAS failed\n', wrong],
    [`kv put -cas -modify-index=${ModifyIndex} c 2`, 'Success! Data written to: c\n'],
    ['kv put -release -session=none c 1', 'Error! Did not release lock\n', wrong],
    ['kv get c', '2\n'],
  ])
})

t.test('what can not be meant is refused before anyone is asked', (t) =>
  follow(t, 1, [
    ['kv get', 'Error! Missing KEY argument\n', wrong],
    ["kv get ''", 'Error! Missing KEY argument\n', wrong],
    ['kv get a b', 'Too many arguments (expected 1, got 2)\n', wrong],
    ['kv put', 'Error! Missing KEY argument\n', wrong],
    ['kv put a b c', 'Error! Too many arguments (expected 1 or 2, got 3)\n', wrong],
    [
      'kv put /a b',
      "Error! Failed writing data: Invalid key. Key must not begin with a '/': /a\n",
      wrong,
    ],
    [
      'kv put a @/nonexistent',
      'Error! Failed to read file: open /nonexistent: no such file or directory\n',
      wrong,
    ],
    [
      'kv put -base64 a !!',
      'Error! Cannot base 64 decode data: illegal base64 data at input byte 0\n',
      wrong,
    ],
    ['kv put -cas a 1', 'Must specify -modify-index with -cas!\n', wrong],
    [
      'kv put -acquire a 1',
      'Error! Missing -session (required with -acquire and -release)\n',
      wrong,
    ],
    ['kv delete', 'Error! Missing KEY argument\n', wrong],
    ['kv delete -cas a', 'Must specify -modify-index with -cas!\n', wrong],
    ['kv delete -modify-index=3 a', 'Cannot specify -modify-index without -cas!\n', wrong],
    [
      'kv delete -cas -recurse -modify-index=3 a',
      'Cannot specify both -cas and -recurse!\n',
      wrong,
    ],
    ['kv import', 'Error! Missing DATA argument\n', wrong],
    ["kv import ''", 'Error! Empty DATA argument\n', wrong],
    ['kv import a b', 'Error! Too many arguments (expected 1, got 2)\n', wrong],
    [
      'kv import x',
      "Cannot unmarshal data: invalid character 'x' looking for beginning of value\n",
      wrong,
    ],
    [
      'kv import {}',
      'Cannot unmarshal data: json: cannot unmarshal object into Go value of type []*impexp.Entry\n',
      wrong,
    ],
    [
      'kv import [{"key":1}]',
      'Cannot unmarshal data: json: cannot unmarshal number into Go struct field Entry.key of type string\n',
      wrong,
    ],
    [
      'kv import [{"key":"a","flags":-1}]',
      'Cannot unmarshal data: json: cannot unmarshal number -1 into Go struct field Entry.flags of type uint64\n',
      wrong,
    ],
    [
      "kv import '[] x'",
      "Cannot unmarshal data: invalid character 'x' after top-level value\n",
      wrong,
    ],
    ['kv import [{"key":"z"}', 'Cannot unmarshal data: unexpected end of JSON input\n', wrong],
    [
      'kv import [{"key":"i","value":"*"}]',
      'Error base 64 decoding value for key i: illegal base64 data at input byte 0\n',
      wrong,
    ],
    ['kv import null', ''],
  ]),
)

t.test('what was exported is the same again after it was imported', async (t) => {
  const line = (...words: readonly string[]): ReturnType<typeof runLine> =>
    runLine(['kv', ...words], { env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` } })
  await ask('PUT', '/v1/kv/x/<1>?flags=18446744073709551615', { body: 'one' })
  await ask('PUT', '/v1/kv/x/2')
  const { out: exported } = await line('export', 'x/')
  t.equal(
    exported,
    `[
\t{
\t\t"key": "x/2",
\t\t"flags": 0,
\t\t"value": ""
\t},
\t{
\t\t"key": "x/\\u003c1\\u003e",
\t\t"flags": 18446744073709551615,
\t\t"value": "b25l"
\t}
]
`,
  )
  await line('delete', '-recurse', 'x/')
  t.equal((await line('export', 'x/')).out, '[]\n')
  t.equal((await line('import', exported)).out, 'Imported: x/2\nImported: x/<1>\n')
  t.equal((await line('export', 'x/')).out, exported)
})
