import t from 'tap'

import {
  formatDefaults,
  formatHelp,
  pairsOf,
  parseFlags,
  parseInteger,
} from '../../../agent/cli/flags.ts'
import type { Flag, ParsedFlags } from '../../../agent/cli/flags.ts'

const flags: readonly Flag[] = [
  { name: 'server', kind: 'bool', optional: true, doc: 'Be a server.' },
  { name: 'http-port', kind: 'int', optional: true, doc: 'Port.' },
  { name: 'retry-join', kind: 'string', optional: true, doc: 'Whom to join.' },
  { name: 'cas', kind: 'bool', doc: 'Compare first.' },
  { name: 'n', kind: 'int', doc: 'Holders.', initial: 1 },
  { name: 'modify-index', kind: 'uint', doc: 'Index.' },
  { name: 'status', kind: 'string', doc: 'Which.', initial: '.*' },
  { name: 'node-meta', kind: 'string', optional: true, doc: 'A pair `key:value`, more than once.' },
]

t.test('flags are read as Go reads them', async (t) => {
  const cases: readonly [args: string[], given: [string, string][], rest: string[]][] = [
    [['-http-port=80'], [['http-port', '80']], []],
    [['-http-port', '80'], [['http-port', '80']], []],
    [['--http-port', '80'], [['http-port', '80']], []],
    [['-server', 'rest'], [['server', 'true']], ['rest']],
    [['-server=false'], [['server', 'false']], []],
    [
      ['-server=0', '-server=T'],
      [
        ['server', '0'],
        ['server', 'T'],
      ],
      [],
    ],
    [
      ['-retry-join', '-x', '-retry-join=b'],
      [
        ['retry-join', '-x'],
        ['retry-join', 'b'],
      ],
      [],
    ],
    [['-retry-join='], [['retry-join', '']], []],
    [['-retry-join=a=b'], [['retry-join', 'a=b']], []],
    [['-server', '--', '-http-port'], [['server', 'true']], ['-http-port']],
    [['a', '-server'], [], ['a', '-server']],
    [['-'], [], ['-']],
    [[], [], []],
  ]
  for (const [args, given, rest] of cases) {
    const parsed = parse(args)
    t.strictSame(
      [parsed.given, parsed.rest],
      [given.map(([name, value]) => ({ name, value })), rest],
      args.join(' '),
    )
  }
})

t.test('the last of several values counts, and all are there', async (t) => {
  const parsed = parse(['-retry-join=a', '-server', '-retry-join=b', '-server=f'])
  t.strictSame(parsed.values('retry-join'), ['a', 'b'])
  t.equal(parsed.value('retry-join'), 'b')
  t.equal(parsed.isTrue('server'), false)
  t.equal(parsed.isTrue('cas'), false)
  t.equal(parsed.value('cas'), undefined)
})

t.test('mistakes are worded as by Consul', async (t) => {
  const cases: readonly [args: string[], error: string][] = [
    [['-bogus'], 'flag provided but not defined: -bogus'],
    [['-bogus=1'], 'flag provided but not defined: -bogus'],
    [['---x'], 'bad flag syntax: ---x'],
    [['-=x'], 'bad flag syntax: -=x'],
    [['-http-port'], 'flag needs an argument: -http-port'],
    [
      ['-http-port=abc'],
      'invalid value "abc" for flag -http-port: strconv.Atoi: parsing "abc": invalid syntax',
    ],
    [
      ['-http-port=0x10'],
      'invalid value "0x10" for flag -http-port: strconv.Atoi: parsing "0x10": invalid syntax',
    ],
    [
      ['-server=maybe'],
      'invalid boolean value "maybe" for -server: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-cas=x'], 'invalid boolean value "x" for -cas: parse error'],
    [['-n=x'], 'invalid value "x" for flag -n: parse error'],
    [['-modify-index=-1'], 'invalid value "-1" for flag -modify-index: parse error'],
    [
      ['-modify-index=99999999999999999999'],
      'invalid value "99999999999999999999" for flag -modify-index: value out of range',
    ],
  ]
  for (const [args, error] of cases)
    t.strictSame(parseFlags(args, flags), { kind: 'wrong', error }, args.join(' '))
})

t.test('help is asked for in four ways, unless a flag has the name', async (t) => {
  for (const args of [['-h'], ['--h'], ['-help'], ['-server', '--help']])
    t.strictSame(parseFlags(args, flags), { kind: 'help' })
  t.equal(parseFlags(['-h'], [{ name: 'h', kind: 'bool', doc: '' }]).kind, 'parsed')
})

t.test('help is laid out as by Consul', async (t) => {
  const long =
    'Setting this to true will prevent Consul from using information from the host to generate it.'
  const help = formatHelp('Usage: praetor agent [options]\n\n  Runs an agent.\n', [
    {
      title: 'HTTP API Options',
      flags: [{ name: 'b', kind: 'string', optional: true, doc: long }],
    },
    {
      title: 'Command Options',
      flags: flags.filter(({ name }) => /^(server|cas|n|node-meta)$/.test(name)),
    },
    { title: 'None', flags: [] },
  ])
  t.equal(
    help,
    `Usage: praetor agent [options]

  Runs an agent.

HTTP API Options

  -b=<value>
     Setting this to true will prevent Consul from using information
     from the host to generate it.

Command Options

  -cas
     Compare first.

  -n=<int>
     Holders.

  -node-meta=<key:value>
     A pair \`key:value\`, more than once.

  -server
     Be a server.`,
  )
})

t.test('after a mistake comes what Go prints', async (t) => {
  t.equal(
    formatDefaults(flags.slice(3)),
    'Usage:\n' +
      '  -cas\n    \tCompare first.\n' +
      '  -modify-index uint\n    \tIndex.\n' +
      '  -n int\n    \tHolders. (default 1)\n' +
      '  -node-meta key:value\n    \tA pair key:value, more than once.\n' +
      '  -status string\n    \tWhich. (default ".*")\n',
  )
})

function parse(args: readonly string[]): ParsedFlags {
  const result = parseFlags(args, flags)
  if (result.kind !== 'parsed') throw new Error(`${args.join(' ')}: ${result.kind}`)
  return result.flags
}

t.test('numbers are read as Go reads them, and pairs and durations are looked at', async (t) => {
  const numbers: readonly [text: string, number: bigint | undefined][] = [
    ['0', 0n],
    ['-12', -12n],
    ['+0x1F', 31n],
    ['0b101', 5n],
    ['0o17', 15n],
    ['017', 15n],
    ['1_000', 1000n],
    ['0x_f', 15n],
    ['08', undefined],
    ['1__0', undefined],
    ['_1', undefined],
    ['0x', undefined],
    ['', undefined],
    ['1.5', undefined],
  ]
  for (const [text, number] of numbers) t.equal(parseInteger(text), number, text)
  t.strictSame(pairsOf(['a=b=c', 'd=', 'a=e']), { a: 'e', d: '' })
  const kinds: readonly Flag[] = [
    { name: 'pair', kind: 'pair', doc: 'A pair.' },
    { name: 'wait', kind: 'duration', doc: 'How long.' },
    { name: 'n', kind: 'uint', doc: 'A number.' },
  ]
  const cases: readonly [argument: string, error: string][] = [
    ['-pair=x', 'invalid value "x" for flag -pair: Missing "=" value in argument: x'],
    ['-wait=3', 'invalid value "3" for flag -wait: parse error'],
    ['-n=-1', 'invalid value "-1" for flag -n: parse error'],
    [
      '-n=0x1ffffffffffffffff',
      'invalid value "0x1ffffffffffffffff" for flag -n: value out of range',
    ],
  ]
  for (const [argument, error] of cases)
    t.strictSame(parseFlags([argument], kinds), { kind: 'wrong', error }, argument)
  t.equal(parseFlags(['-pair=a=b', '-wait=3s', '-n=0x10'], kinds).kind, 'parsed')
  t.match(formatDefaults(kinds), /-pair value\n/)
})
