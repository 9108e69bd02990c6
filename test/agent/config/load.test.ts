import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'
import t from 'tap'

import { parseFlags } from '../../../agent/cli/flags.ts'
import type { FileReader } from '../../../agent/config/host.ts'
import { systemFiles } from '../../../agent/config/host.ts'
import {
  agentFlagGroups,
  keysNeedingRestart,
  loadConfig,
  validateConfig,
} from '../../../agent/config/load.ts'
import type { LoadedConfig } from '../../../agent/config/load.ts'
import { mergeSettings } from '../../../agent/config/merge.ts'
import { options } from '../../../agent/config/options.ts'
import type { AgentConfig } from '../../../agent/config/runtime.ts'
import { knownOptions, noSettings } from '../../../agent/config/settings.ts'
import type { Settings } from '../../../agent/config/settings.ts'
import { unsupported } from '../../../agent/config/unsupported.ts'

const host = { name: 'box', addresses: ['10.1.2.3', '8.8.8.8', 'fe80::1'] }
const base = 'data_dir = "/srv" server = true\n'

/** What `consul validate` says of a text, and the flags of `consul agent`. */
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../golden/config.json'), 'utf8'),
) as {
  readonly flags: readonly string[]
  readonly hcl: Readonly<Record<string, string>>
  readonly json: Readonly<Record<string, string>>
}

t.test('mistakes are worded as by Consul', async (t) => {
  for (const format of ['hcl', 'json'] as const)
    for (const [text, error] of Object.entries(golden[format])) {
      const loaded = validate({ [`a.${format}`]: text })
      const first = loaded.ok ? '' : (loaded.errors[0] ?? '')
      t.equal(first.replace(/ \(a\.\w+:\d+:\d+\)/g, '').trimEnd(), error, text)
    }
})

t.test('mistakes say where they are', async (t) => {
  const cases: readonly [text: string, error: string][] = [
    [
      'a = [1,\n  2',
      'failed to parse a.hcl: At 2:4: error parsing list, expected comma or list end, got: EOF',
    ],
    [
      'server = true\n bogus = 1',
      'failed to parse a.hcl: 1 error occurred:\n\t* invalid config key bogus (a.hcl:2:2)\n\n',
    ],
    [
      'ports {\n  http = "x"\n}',
      "failed to parse a.hcl: 1 error(s) decoding:\n\n* 'ports.http' expected type 'int', got unconvertible type 'string' (a.hcl:2:3)",
    ],
    [
      'service {\n name = "a"\n check { ttl = "x" }\n}\n' + base,
      '1 error occurred:\n\t* service.check.ttl: invalid duration: "x": time: invalid duration "x" (a.hcl:3:10)\n\n',
    ],
    [
      '{\n "a":\n}',
      "failed to parse a.hcl: At 3:1: invalid character '}' looking for beginning of value",
    ],
  ]
  for (const [text, error] of cases) t.equal(errorsOf({ 'a.hcl': text })[0], error, text)
})

t.test('what Consul has and we do not is refused by name', async (t) => {
  const cases: readonly [text: string, what: string][] = [
    ['acl { enabled = true }', 'acl.enabled'],
    ['acl { tokens { default = "x" } }', 'acl.tokens.default'],
    ['connect { enabled = true }', 'connect.enabled'],
    ['ports { grpc = 8502 }', 'ports.grpc'],
    ['auto_encrypt { tls = true }', 'auto_encrypt.tls'],
    ['telemetry { statsd_address = "127.0.0.1:8125" }', 'telemetry.statsd_address'],
    ['auto_config { enabled = true }', 'auto_config.enabled'],
    ['primary_datacenter = "dc2"', 'primary_datacenter = "dc2" (several datacenters)'],
  ]
  for (const [text, what] of cases)
    t.strictSame(
      errorsOf({
        'a.hcl': 'data_dir = "/srv" ' + text,
        'b.hcl': text.startsWith('server') ? '' : 'server = true',
      }),
      [`${what} is not supported by this version of Praetor yet`],
      text,
    )
})

t.test('the key of gossip is checked before anybody is let in under it', async (t) => {
  const key = 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s='
  t.strictSame(errorsOf({ 'a.hcl': `${base} encrypt = "${key}"` }), [])
  const cases: readonly [key: string, why: string][] = [
    ['abc', 'illegal base64 data at input byte 0'],
    ['AAAA', 'key size must be 16, 24 or 32 bytes'],
  ]
  for (const [bad, why] of cases)
    t.strictSame(errorsOf({ 'a.hcl': `${base} encrypt = "${bad}"` }), [
      `encrypt has invalid key: ${why}`,
    ])
})

t.test('a setting that asks for what is so anyway is accepted', async (t) => {
  for (const text of [
    'acl { enabled = false default_policy = "allow" policy_ttl = "30s" tokens {} }',
    'encrypt = "" retry_join = [] watches = [] retry_interval = "0.5m"',
    'connect { enabled = false } ports { grpc = -1 https = -1 } segments = []',
    'auto_config { enabled = false } verify_incoming = false primary_datacenter = "DC1"',
    'disable_update_check = true disable_remote_exec = false disable_anonymous_signature = true',
    'bootstrap_expect = 1 ui_config { enabled = true }',
    'ae_interval = "x" consul { coordinate { update_batch_size = 1 } } segment_limit = 3 version = "9"',
  ])
    t.strictSame(errorsOf({ 'a.hcl': base + text }), [], text)
})

t.test('a setting with no value at all is one that nobody gave', async (t) => {
  const nulls = Object.fromEntries(Object.keys(options).map((path) => [path, null]))
  const nested: Record<string, unknown> = {}
  for (const path of Object.keys(nulls)) {
    const [section = '', name] = path.split('.')
    nested[section] = name === undefined ? null : { ...(nested[section] as object), [name]: null }
  }
  t.strictSame(
    config({ 'a.json': JSON.stringify({ ...nested, data_dir: '/srv', server: true }) }),
    config({ 'a.hcl': base }),
  )
})

t.test('every option is in one table, and the flags are those of Consul', async (t) => {
  t.strictSame(
    Object.keys(options).filter((path) => path in unsupported),
    [],
  )
  const flags = agentFlagGroups().flatMap((group) => group.flags.map((flag) => flag.name))
  t.strictSame(flags.toSorted(), golden.flags.toSorted())
  t.equal(knownOptions.size, Object.keys(options).length + Object.keys(unsupported).length)
})

t.test('who says nothing is let in from this host only', async (t) => {
  const { bindAddress, advertiseAddress, clientAddresses, http, dns } = config({ 'a.hcl': base })
  t.strictSame(
    [bindAddress, advertiseAddress, clientAddresses],
    ['127.0.0.1', '127.0.0.1', ['127.0.0.1']],
  )
  t.strictSame(http.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 8500 }])
  t.strictSame(dns.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 8600 }])
})

t.test('addresses are read as operators write them', async (t) => {
  const everywhere = config({
    'a.hcl': `${base} bind_addr = "0.0.0.0" client_addr = "127.0.0.1 [::1]" addresses { http = "unix:///run/a.sock 0.0.0.0" }
      unix_sockets { user = "consul" mode = "0660" } ports { dns = -1 }`,
  })
  t.equal(everywhere.bindAddress, '0.0.0.0')
  t.equal(everywhere.advertiseAddress, '10.1.2.3')
  t.strictSame(everywhere.clientAddresses, ['127.0.0.1', '::1'])
  t.strictSame(everywhere.http.listen, [
    { kind: 'unix', socketPath: '/run/a.sock', user: 'consul', group: '', mode: 0o660 },
    { kind: 'tcp', host: '0.0.0.0', port: 8500 },
  ])
  t.strictSame(everywhere.dns.listen, [])

  const told = config({
    'a.hcl': `${base} advertise_addr = "192.0.2.1" advertise_addr_wan = "2001:db8::1" tagged_addresses { rack = "192.0.2.9" }`,
  })
  t.strictSame(told.taggedAddresses, {
    rack: '192.0.2.9',
    lan: '192.0.2.1',
    lan_ipv4: '192.0.2.1',
    wan: '2001:db8::1',
    wan_ipv6: '2001:db8::1',
  })
  const cases: readonly [text: string, error: string][] = [
    [
      'client_addr = "localhost"',
      '1 error occurred:\n\t* client_addr: invalid ip address: localhost\n\n',
    ],
    [
      'client_addr = "{{ GetPrivateIP }}"',
      '1 error occurred:\n\t* client_addr: address templates are not supported by this version of Praetor yet\n\n',
    ],
    [
      'unix_sockets { mode = "9" }',
      '1 error occurred:\n\t* unix_sockets.mode: invalid mode: 9\n\n',
    ],
    [
      'advertise_addr = "192.0.2.1 192.0.2.2"',
      '1 error occurred:\n\t* advertise_addr: multiple addresses found: 192.0.2.1 192.0.2.2\n\n',
    ],
  ]
  for (const [text, error] of cases) t.equal(errorsOf({ 'a.hcl': base + text })[0], error, text)
})

t.test('which address to tell others must be plain', async (t) => {
  const [none, several] = [loadOn(['8.8.8.8']), loadOn(['10.0.0.1', '192.168.0.1'])]
  t.match(none, { ok: false, errors: [/No private IPv4 address found/] })
  t.match(several, { ok: false, errors: [/Multiple private IPv4 addresses found/] })
  t.match(loadOn(['172.31.0.1', '172.32.0.1', '100.128.0.1']), { ok: true })
})

t.test('the command line weighs more than files, and later files more than earlier', async (t) => {
  const files = filesOf({
    'd/20.json':
      '{"node_name": "twenty", "domain": "twenty", "node_meta": {"b": "2", "c": "2"}, "http_config": {"block_endpoints": ["/b"]}}',
    'd/10.hcl':
      'node_name = "ten" datacenter = "ten" node_meta { a = "1" b = "1" } http_config { block_endpoints = ["/a"] allow_write_http_from = ["10.0.0.0/8"] }',
    'd/notes.txt': 'not for us',
    'last.hcl': 'datacenter = "last" log_level = "warn"',
  })
  const loaded = agent(
    [
      '-config-dir=d',
      '-config-file',
      'last.hcl',
      '-data-dir=/srv',
      '-server',
      '-allow-write-http-from=127.0.0.0/8',
      '-node-meta=d:4:5',
      '-hcl',
      'alt_domain = "Alt"',
      '-domain=flag',
    ],
    files,
  )
  if (!loaded.ok) throw new Error(loaded.errors.join('\n'))
  t.match(loaded.config, {
    nodeName: 'twenty',
    datacenter: 'last',
    domain: 'flag.',
    altDomain: 'alt.',
    nodeMeta: { a: '1', b: '2', c: '2', d: '4:5' },
    log: { level: 'warn' },
    http: { blockEndpoints: ['/a', '/b'], allowWriteFrom: ['127.0.0.0/8', '10.0.0.0/8'] },
  })
  t.strictSame(loaded.warnings, [
    'skipping file d/notes.txt, extension must be .hcl or .json, or config format must be set',
  ])
})

t.test('merging in one go or in steps is the same', async (t) => {
  const value = fc.oneof(
    fc.integer(),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('x', 'y'), fc.integer(), { noNullPrototype: true }),
  )
  const settings = fc
    .dictionary(fc.constantFrom('a', 'b', 'c'), value)
    .map((values) => settingsWith(new Map(Object.entries(values))))
  fc.assert(
    fc.property(settings, settings, (first, second) => {
      const merged = mergeSettings([first, second])
      for (const [path, later] of second.values) {
        const [before, after] = [first.values.get(path), merged.values.get(path)]
        const both = Array.isArray(later) && Array.isArray(before)
        if (both && JSON.stringify(after) !== JSON.stringify([...before, ...(later as unknown[])]))
          throw new Error(`${path}: lists append`)
        if (typeof later === 'number' && after !== later) throw new Error(`${path}: later wins`)
      }
      for (const [path, earlier] of first.values)
        if (!second.values.has(path) && merged.values.get(path) !== earlier)
          throw new Error(`${path}: what nobody repeats stays`)
    }),
  )
  t.pass('for all settings')
})

t.test('files that cannot be had are told of', async (t) => {
  const broken: FileReader = {
    kind: () => 'file',
    list: () => [],
    read: () => {
      throw new Error('EACCES: permission denied')
    },
  }
  const cases: readonly [args: string[], files: FileReader, error: string][] = [
    [
      ['-config-file=/nope'],
      filesOf({}),
      'config: Open failed on /nope. open /nope: no such file or directory',
    ],
    [
      ['-config-format=xml', '-dev'],
      filesOf({}),
      "config: -config-format must be either 'hcl' or 'json'",
    ],
    [['-config-file=a.hcl'], broken, 'config: ReadFile failed on a.hcl: EACCES: permission denied'],
    [
      ['-hcl=bogus=1', '-dev'],
      filesOf({}),
      'failed to parse flags-0.hcl: 1 error occurred:\n\t* invalid config key bogus (flags-0.hcl:1:1)\n\n',
    ],
    [['-data-dir=d', '-server'], filesOf({ d: '' }), 'data_dir "d" is not a directory'],
    [[], filesOf({}), 'data_dir cannot be empty'],
  ]
  for (const [args, files, error] of cases) {
    const loaded = agent(args, files)
    t.equal(loaded.ok ? '' : loaded.errors[0], error, args.join(' '))
  }
  t.match(agent(['-config-format=hcl', '-config-file=a', '-dev'], filesOf({ a: 'domain = "x"' })), {
    ok: true,
    config: { domain: 'x.' },
  })
})

t.test('commands run as checks for files, or for everybody, or not at all', async (t) => {
  const danger = /using enable-script-checks without ACLs and without allow_write_http_from/
  const cases = [
    [[], { local: false, remote: false }, []],
    [['-enable-local-script-checks'], { local: true, remote: false }, []],
    [['-enable-script-checks'], { local: true, remote: true }, [danger]],
    [
      ['-enable-script-checks', '-allow-write-http-from=127.0.0.0/8'],
      { local: true, remote: true },
      [],
    ],
  ] as const
  for (const [args, scriptChecks, warnings] of cases)
    t.match(agent(['-dev', '-node=n1', ...args], filesOf({})), {
      ok: true,
      config: { scriptChecks },
      warnings: [...warnings],
    })
})

t.test('-dev is one server that keeps nothing, and files may say otherwise', async (t) => {
  const loaded = agent(
    ['-dev', '-config-file=a.hcl'],
    filesOf({ 'a.hcl': 'ui = false log_level = "err"' }),
  )
  t.match(loaded, {
    ok: true,
    config: {
      devMode: true,
      server: true,
      bootstrap: true,
      dataDir: '',
      nodeName: 'box',
      ui: { enabled: false },
      log: { level: 'error' },
      raft: { multiplier: 1 },
      leaveOnTerminate: false,
      skipLeaveOnInterrupt: true,
    },
  })
  const expecting = agent(['-dev', '-bootstrap-expect=3'], filesOf({}))
  t.equal(expecting.ok ? '' : expecting.errors[0], "'bootstrap_expect > 0' not allowed in dev mode")
})

t.test('what a running agent cannot take on is named', async (t) => {
  const before = settingsOf('node_meta { a = "1" } log_level = "info" check_output_max_size = 4096')
  const cases: readonly [text: string, keys: string[]][] = [
    ['log_level = "debug" node_meta { a = "2" } discard_check_output = true', []],
    ['domain = "other" ports { http = 8501 }', ['domain', 'ports.http']],
    ['recursors = ["::1"] dns_config { only_passing = true recursor_timeout = "1s" }', []],
    ['disable_update_check = true check_reap_interval = "1s"', []],
    ['datacenter = "dc1"', []],
  ]
  for (const [text, keys] of cases)
    t.strictSame(keysNeedingRestart(before, settingsOf(text)), keys, text)
})

t.test('doubtful settings are warned of', async (t) => {
  const loaded = validate({
    'a.hcl': `${base} node_name = "a b" bootstrap_expect = 1 telemetry { prefix_filter = ["x", "+a", "", "-b"] }`,
  })
  if (!loaded.ok) throw new Error(loaded.errors.join('\n'))
  t.strictSame(loaded.warnings, [
    'Node name "a b" will not be discoverable via DNS due to invalid characters. Valid characters include all alpha-numerics and dashes.',
    `Filter rule must begin with either '+' or '-': "x"`,
    'Cannot have empty filter rule in prefix_filter',
    'BootstrapExpect is set to 1; this is the same as Bootstrap mode.',
    'bootstrap = true: do not enable unless necessary',
  ])
  t.match(loaded.config.telemetry, { allowedPrefixes: ['a'], blockedPrefixes: ['b'] })
})

t.test('services and checks are gathered from blocks, lists and files', async (t) => {
  const { services, checks } = config({
    'a.hcl': `${base} service { name = "a" check { ttl = "10s" } checks = [{ http = "http://x" interval = "1m" }] } services = [{ name = "b" }] check { id = "c" args = ["x"] }`,
    'b.json':
      '{"service": {"Name": "d", "EnableTagOverride": true}, "checks": [{"alias_service": "a"}]}',
  })
  t.strictSame(
    services.map(({ Name }) => Name),
    ['a', 'b', 'd'],
  )
  t.match(services[0]?.Checks, [{ TTLMs: 10_000 }, { HTTP: 'http://x', IntervalMs: 60_000 }])
  t.equal(services[2]?.EnableTagOverride, true)
  t.match(checks, [{ CheckID: 'c', ScriptArgs: ['x'] }, { AliasService: 'a' }])
})

t.test('the examples load', async (t) => {
  t.match(example('dev.hcl'), {
    ok: true,
    config: { bootstrap: true, nodeName: 'dev', raft: { multiplier: 1 } },
  })
  const loaded = example('server.hcl', 'service-web.hcl')
  if (!loaded.ok) throw new Error(loaded.errors.join('\n'))
  t.match(loaded.config, {
    dns: { nodeTtlMs: 10_000, serviceTtlMs: { '*': 5000, db: 0 } },
    telemetry: { prometheusRetentionMs: 60_000 },
    services: [
      {
        ID: 'web-1',
        Weights: { Passing: 10, Warning: 1 },
        Checks: [
          {
            CheckID: 'web-1-http',
            DeregisterCriticalServiceAfterMs: 5_400_000,
            FailuresBeforeCritical: 2,
          },
        ],
      },
    ],
    checks: [
      { CheckID: 'nightly-backup', TTLMs: 90_000_000, Notes: /^The backup job.*\nLook at its log/ },
    ],
  })
})

function example(...names: string[]): LoadedConfig {
  const paths = names.map((name) => join(import.meta.dirname, '../../../configs', name))
  return validateConfig(paths, '', systemFiles, host)
}

function loadOn(addresses: readonly string[]): LoadedConfig {
  const files = filesOf({ 'a.hcl': `${base} bind_addr = "0.0.0.0"` })
  return validateConfig(['a.hcl'], '', files, { name: 'box', addresses })
}

function settingsWith(values: Settings['values']): Settings {
  return { ...noSettings, values }
}

function filesOf(texts: Readonly<Record<string, string>>): FileReader {
  const names = Object.keys(texts)
  return {
    kind: (path) => {
      if (path in texts) return 'file'
      return names.some((name) => name.startsWith(`${path}/`)) ? 'directory' : 'none'
    },
    list: (path) =>
      names
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1)),
    read: (path) => texts[path] ?? '',
  }
}

function validate(texts: Readonly<Record<string, string>>): LoadedConfig {
  return validateConfig(Object.keys(texts), '', filesOf(texts), host)
}

function errorsOf(texts: Readonly<Record<string, string>>): readonly string[] {
  const loaded = validate(texts)
  return loaded.ok ? [] : loaded.errors
}

function config(texts: Readonly<Record<string, string>>): AgentConfig {
  const loaded = validate(texts)
  if (!loaded.ok) throw new Error(loaded.errors.join('\n'))
  return loaded.config
}

function settingsOf(text: string): Settings {
  const loaded = validate({ 'a.hcl': base + text })
  if (!loaded.ok) throw new Error(loaded.errors.join('\n'))
  return loaded.settings
}

function agent(args: readonly string[], files: FileReader): LoadedConfig {
  const parsed = parseFlags(
    args,
    agentFlagGroups().flatMap((group) => group.flags),
  )
  if (parsed.kind !== 'parsed') throw new Error(JSON.stringify(parsed))
  return loadConfig(parsed.flags, files, host)
}
