import { type Family, get, type HttpStep, put, request } from '../step.ts'

const txn = (name: string, ops: unknown, extra: Partial<HttpStep> = {}): HttpStep =>
  put('/v1/txn', typeof ops === 'string' ? ops : (ops as object), { ...extra, name })
const kv = (Verb: string, Key: string, more: object = {}): object => ({
  KV: { Verb, Key, ...more },
})
const value = (text: string): object => ({ Value: Buffer.from(text).toString('base64') })
const unknown = '00000000-0000-4000-8000-000000000000'

export const transactions: Family = {
  name: 'txn',
  steps: [
    txn('nothing', []),
    txn('no body', ''),
    txn('null', 'null'),
    txn('an object', {}),
    txn('half a body', '[{'),
    txn('an unknown field', [{ Bogus: {} }]),
    txn('an unknown KV field', [{ KV: { Verb: 'get', Key: 'x', Bogus: 1 } }]),
    txn('an empty op', [{}]),
    txn('two in one op', [
      { ...kv('set', 'two', value('1')), Node: { Verb: 'get', Node: { Node: 'n1' } } },
    ]),
    txn('set and get', [kv('set', 'a', value('1')), kv('get', 'a')]),
    get('/v1/kv/a', { remember: { a: '0.ModifyIndex' } }),
    txn('get', [kv('get', 'a')]),
    txn('get in lower case', '[{"kv":{"verb":"get","key":"a"}}]'),
    put('/v1/txn?stale', [kv('get', 'a')]),
    put('/v1/txn?consistent', [kv('get', 'a')]),
    put('/v1/txn?dc=nope', [kv('get', 'a')]),
    put('/v1/txn?pretty', [kv('get', 'a')]),
    txn('get a missing key', [kv('get', 'none')]),
    txn('get twice, one missing', [kv('get', 'a'), kv('get', 'none')]),
    txn('two mistakes', [kv('get', 'none'), kv('get', 'a'), kv('get', 'nil')]),
    txn('an unknown verb', [kv('bogus', 'a')]),
    txn('no verb', [{ KV: { Key: 'a' } }]),
    txn('no key', [kv('get', '')]),
    txn('set without a key', [kv('set', '')]),
    txn('set with flags', [kv('set', 'a', { ...value('2'), Flags: 42 })]),
    txn(
      'set with the largest flags',
      '[{"KV":{"Verb":"set","Key":"f","Flags":18446744073709551615}},{"KV":{"Verb":"get","Key":"f"}}]',
    ),
    txn('negative flags', '[{"KV":{"Verb":"set","Key":"f","Flags":-1}}]'),
    txn('flags as text', '[{"KV":{"Verb":"set","Key":"f","Flags":"1"}}]'),
    txn('a value that is not base64', [kv('set', 'a', { Value: '!!!' })]),
    txn('a null value', [kv('set', 'n', { Value: null }), kv('get', 'n')]),
    txn('cas that creates', [kv('cas', 'c', { ...value('1'), Index: 0 })]),
    txn('cas that exists', [kv('cas', 'c', { ...value('2'), Index: 0 })]),
    get('/v1/kv/c', { remember: { c: '0.ModifyIndex' } }),
    txn('cas', '[{"KV":{"Verb":"cas","Key":"c","Value":"Mw==","Index":{{c}}}}]'),
    txn('cas with a stale index', '[{"KV":{"Verb":"cas","Key":"c","Value":"NA==","Index":{{c}}}}]'),
    txn('check-index', [kv('check-index', 'a', { Index: 1 })]),
    get('/v1/kv/a', { name: 'index of a', remember: { a: '0.ModifyIndex' } }),
    txn('check-index that holds', '[{"KV":{"Verb":"check-index","Key":"a","Index":{{a}}}}]'),
    txn('check-index of a missing key', [kv('check-index', 'none', { Index: 1 })]),
    txn('check-not-exists', [kv('check-not-exists', 'none')]),
    txn('check-not-exists of a key', [kv('check-not-exists', 'a')]),
    txn('check-session', [kv('check-session', 'a', { Session: unknown })]),
    txn('check-session of a missing key', [kv('check-session', 'none', { Session: unknown })]),
    txn('lock with an unknown session', [kv('lock', 'l', { Session: unknown })]),
    txn('lock with a malformed session', [kv('lock', 'l', { Session: 'abc' })]),
    txn('lock without a session', [kv('lock', 'l')]),
    txn('unlock without a session', [kv('unlock', 'l')]),
    put('/v1/session/create', { LockDelay: 0 }, { remember: { s: 'ID' } }),
    put('/v1/session/create', { LockDelay: 0 }, { name: 'another session', remember: { r: 'ID' } }),
    txn('lock', '[{"KV":{"Verb":"lock","Key":"l","Value":"MQ==","Session":"{{s}}"}}]'),
    txn('lock again', '[{"KV":{"Verb":"lock","Key":"l","Value":"Mg==","Session":"{{s}}"}}]'),
    txn('lock what is held', '[{"KV":{"Verb":"lock","Key":"l","Value":"Mw==","Session":"{{r}}"}}]'),
    txn(
      'check-session of the holder',
      '[{"KV":{"Verb":"check-session","Key":"l","Session":"{{s}}"}}]',
    ),
    txn(
      'check-session of another',
      '[{"KV":{"Verb":"check-session","Key":"l","Session":"{{r}}"}}]',
    ),
    txn('unlock by another', '[{"KV":{"Verb":"unlock","Key":"l","Session":"{{r}}"}}]'),
    txn('unlock', '[{"KV":{"Verb":"unlock","Key":"l","Value":"NA==","Session":"{{s}}"}}]'),
    txn('unlock a missing key', '[{"KV":{"Verb":"unlock","Key":"nolock","Session":"{{s}}"}}]'),
    txn(
      'a session is no op of clients',
      '[{"Session":{"Verb":"delete","Session":{"ID":"{{r}}"}}}]',
    ),
    put('/v1/session/destroy/{{s}}', undefined, { name: 'destroy' }),
    put('/v1/session/destroy/{{r}}', undefined, { name: 'destroy the other' }),
    txn('a tree', [
      kv('set', 't/a', value('1')),
      kv('set', 't/b', value('2')),
      kv('set', 't/c/d', value('3')),
      kv('get-tree', 't/'),
    ]),
    txn('get-tree', [kv('get-tree', 't/')]),
    txn('get-tree of nothing', [kv('get-tree', 'zz')]),
    txn('delete', [kv('delete', 't/a')]),
    txn('delete a missing key', [kv('delete', 'none')]),
    txn('delete-cas of a missing key', [kv('delete-cas', 'none', { Index: 7 })]),
    txn('delete-cas with a stale index', [kv('delete-cas', 't/b', { Index: 1 })]),
    txn('delete-tree', [kv('delete-tree', 't/')]),
    txn('delete-tree of everything', [kv('delete-tree', '')]),
    txn('nothing is done where one fails', [kv('set', 'atomic', value('1')), kv('get', 'none')]),
    get('/v1/kv/atomic'),
    txn('a read mixed with a failing check', [kv('get', 'none'), kv('check-not-exists', 'none')]),
    txn(
      '64 ops',
      Array.from({ length: 64 }, (_, at) => kv('set', `many/${at}`)),
      { compare: 'shape' },
    ),
    txn(
      '65 ops',
      Array.from({ length: 65 }, (_, at) => kv('set', `many/${at}`)),
    ),
    txn('a value that is too large', [
      kv('set', 'k', { Value: Buffer.alloc(393_300).toString('base64') }),
    ]),
    txn('a body that is too large', [
      kv('set', 'k', { Value: Buffer.alloc(524_289).toString('base64') }),
    ]),
    get('/v1/txn'),
    request('POST', '/v1/txn', { body: '[]' }),
    request('OPTIONS', '/v1/txn'),

    txn('node set', [
      { Node: { Verb: 'set', Node: { Node: 'xn', Address: '10.0.0.9', Meta: { a: 'b' } } } },
    ]),
    txn('node get', [{ Node: { Verb: 'get', Node: { Node: 'xn' } } }]),
    txn('node get of none', [{ Node: { Verb: 'get', Node: { Node: 'nonode' } } }]),
    txn('node set without an address', [{ Node: { Verb: 'set', Node: { Node: 'xm' } } }]),
    txn('node set without a name', [{ Node: { Verb: 'set', Node: { Address: '10.0.0.9' } } }]),
    txn('node cas stale', [
      { Node: { Verb: 'cas', Node: { Node: 'xn', Address: '10.0.0.8', ModifyIndex: 1 } } },
    ]),
    txn('node cas that creates', [
      { Node: { Verb: 'cas', Node: { Node: 'xo', Address: '10.0.0.8', ModifyIndex: 0 } } },
    ]),
    txn('node delete-cas stale', [
      { Node: { Verb: 'delete-cas', Node: { Node: 'xn', ModifyIndex: 1 } } },
    ]),
    txn('node delete-cas of none', [
      { Node: { Verb: 'delete-cas', Node: { Node: 'nonode', ModifyIndex: 1 } } },
    ]),
    txn('node verb', [{ Node: { Verb: 'bogus', Node: { Node: 'xn' } } }]),
    txn('service set', [
      {
        Service: {
          Verb: 'set',
          Node: 'xn',
          Service: { ID: 'web1', Service: 'web', Port: 80, Tags: ['a'], Meta: { k: 'v' } },
        },
      },
    ]),
    txn('service get', [{ Service: { Verb: 'get', Node: 'xn', Service: { ID: 'web1' } } }]),
    txn('service get of none', [{ Service: { Verb: 'get', Node: 'xn', Service: { ID: 'none' } } }]),
    txn('service get on no node', [
      { Service: { Verb: 'get', Node: 'nonode', Service: { ID: 'web1' } } },
    ]),
    txn('service set on no node', [
      { Service: { Verb: 'set', Node: 'nonode', Service: { ID: 'web1', Service: 'web' } } },
    ]),
    txn('service set without a name', [
      { Service: { Verb: 'set', Node: 'xn', Service: { ID: 'web2' } } },
    ]),
    txn('service set without an id', [
      { Service: { Verb: 'set', Node: 'xn', Service: { Service: 'web' } } },
    ]),
    txn('service cas stale', [
      {
        Service: {
          Verb: 'cas',
          Node: 'xn',
          Service: { ID: 'web1', Service: 'web', ModifyIndex: 1 },
        },
      },
    ]),
    txn('service delete-cas stale', [
      { Service: { Verb: 'delete-cas', Node: 'xn', Service: { ID: 'web1', ModifyIndex: 1 } } },
    ]),
    txn('service verb', [
      { Service: { Verb: 'bogus', Node: 'xn', Service: { ID: 'web1', Service: 'web' } } },
    ]),
    txn('check set', [
      {
        Check: {
          Verb: 'set',
          Check: { Node: 'xn', CheckID: 'c1', Name: 'c one', Status: 'passing' },
        },
      },
    ]),
    txn('check set of a service', [
      {
        Check: {
          Verb: 'set',
          Check: { Node: 'xn', CheckID: 'c2', Name: 'c two', Status: 'warning', ServiceID: 'web1' },
        },
      },
    ]),
    txn('check get', [
      { Check: { Verb: 'get', Check: { Node: 'xn', CheckID: 'c1' } } },
      { Check: { Verb: 'get', Check: { Node: 'xn', CheckID: 'c2' } } },
    ]),
    txn('check get of none', [{ Check: { Verb: 'get', Check: { Node: 'xn', CheckID: 'none' } } }]),
    txn('check set of no service', [
      { Check: { Verb: 'set', Check: { Node: 'xn', CheckID: 'c3', ServiceID: 'none' } } },
    ]),
    txn('check set on no node', [
      { Check: { Verb: 'set', Check: { Node: 'nonode', CheckID: 'c3' } } },
    ]),
    txn('check set with a bogus status', [
      { Check: { Verb: 'set', Check: { Node: 'xn', CheckID: 'c4', Status: 'bogus' } } },
    ]),
    txn('check set with a definition', [
      {
        Check: {
          Verb: 'set',
          Check: {
            Node: 'xn',
            CheckID: 'c5',
            Status: 'passing',
            Definition: { HTTP: 'http://x', Interval: '10s', Timeout: '1s' },
          },
        },
      },
    ]),
    txn('check cas stale', [
      { Check: { Verb: 'cas', Check: { Node: 'xn', CheckID: 'c1', ModifyIndex: 1 } } },
    ]),
    txn('check delete-cas stale', [
      { Check: { Verb: 'delete-cas', Check: { Node: 'xn', CheckID: 'c1', ModifyIndex: 1 } } },
    ]),
    txn('check verb', [{ Check: { Verb: 'bogus', Check: { Node: 'xn', CheckID: 'c1' } } }]),
    txn('check delete', [{ Check: { Verb: 'delete', Check: { Node: 'xn', CheckID: 'c1' } } }]),
    txn('check delete of none', [
      { Check: { Verb: 'delete', Check: { Node: 'xn', CheckID: 'none' } } },
    ]),
    get('/v1/health/node/xn'),
    txn('service delete', [{ Service: { Verb: 'delete', Node: 'xn', Service: { ID: 'web1' } } }]),
    txn('service delete of none', [
      { Service: { Verb: 'delete', Node: 'xn', Service: { ID: 'none' } } },
    ]),
    txn('all kinds in one', [
      { Node: { Verb: 'set', Node: { Node: 'xp', Address: '10.0.0.7' } } },
      { Service: { Verb: 'set', Node: 'xp', Service: { ID: 's', Service: 's' } } },
      {
        Check: {
          Verb: 'set',
          Check: { Node: 'xp', CheckID: 'c', Status: 'passing', ServiceID: 's' },
        },
      },
      kv('set', 'all', value('1')),
    ]),
    get('/v1/catalog/node/xp'),
    txn('node delete', [
      { Node: { Verb: 'delete', Node: { Node: 'xn' } } },
      { Node: { Verb: 'delete', Node: { Node: 'xo' } } },
      { Node: { Verb: 'delete', Node: { Node: 'xm' } } },
      { Node: { Verb: 'delete', Node: { Node: 'xp' } } },
    ]),
    txn('node delete of none', [{ Node: { Verb: 'delete', Node: { Node: 'nonode' } } }]),
    get('/v1/catalog/nodes', { name: 'clean' }),
    txn('clean up', [kv('delete-tree', '')]),
  ],
}
