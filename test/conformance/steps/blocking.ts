import { del, type Family, get, put, watch } from '../step.ts'

const web = (ID: string, more: object = {}) =>
  put('/v1/catalog/register', {
    Node: 'b1',
    Address: '10.0.0.1',
    Service: { ID, Service: ID, ...more },
  })
const status = (ID: string, Status: string) =>
  put('/v1/catalog/register', {
    Node: 'b1',
    Address: '10.0.0.1',
    Check: { CheckID: ID, Name: ID, Status, ServiceID: ID },
  })
const catalogReads = [
  '/v1/catalog/nodes',
  '/v1/catalog/services',
  '/v1/catalog/service/web',
  '/v1/catalog/service/other',
  '/v1/catalog/service/none',
  '/v1/catalog/node/b1',
  '/v1/catalog/node/n1',
  '/v1/catalog/node-services/b1',
  '/v1/health/service/web',
  '/v1/health/service/web?passing',
  '/v1/health/service/other',
  '/v1/health/service/none',
  '/v1/health/node/b1',
  '/v1/health/node/n1',
  '/v1/health/checks/web',
  '/v1/health/checks/none',
  '/v1/health/state/any',
  '/v1/health/state/critical',
  '/v1/session/list',
  '/v1/internal/ui/nodes',
]
const kvReads = [
  '/v1/kv/w/a',
  '/v1/kv/w/a?raw',
  '/v1/kv/w/none',
  '/v1/kv/w/?recurse',
  '/v1/kv/w/?keys',
  '/v1/kv/w/?keys&separator=/',
  '/v1/kv/elsewhere/?recurse',
  '/v1/kv/?recurse',
  '/v1/kv/empty/?keys',
]

/** Which read wakes on which write; what the index says then. */
export const blocking: Family = {
  name: 'blocking',
  steps: [
    put('/v1/kv/w/a', '1'),
    put('/v1/kv/w/b', '1'),
    put('/v1/kv/elsewhere/x', '1'),
    put('/v1/session/create', { LockDelay: 0 }, { remember: { s: 'ID' } }),
    watch(
      'a lock is taken',
      [...kvReads, '/v1/session/list'],
      put('/v1/kv/w/a?acquire={{s}}', '1'),
    ),
    watch(
      'a lock is released by the end of its session',
      [...kvReads, '/v1/session/list', '/v1/session/node/n1', '/v1/session/node/none'],
      put('/v1/session/destroy/{{s}}'),
    ),
    watch(
      'a session begins',
      [
        '/v1/session/list',
        '/v1/session/node/n1',
        '/v1/session/node/none',
        '/v1/session/info/00000000-0000-4000-8000-000000000000',
        '/v1/kv/w/a',
      ],
      put('/v1/session/create', { LockDelay: 0 }, { remember: { s: 'ID' } }),
    ),
    put('/v1/session/destroy/{{s}}'),

    put(
      '/v1/session/create',
      { TTL: '10s', LockDelay: 0 },
      { name: 'a session that nobody renews', remember: { mortal: 'ID' } },
    ),
    put('/v1/kv/mortal?acquire={{mortal}}', 'x'),
    web('web', { Port: 80 }),
    web('other', { Port: 81 }),
    status('web', 'passing'),
    watch('the catalog is quiet', catalogReads),
    watch('a check changes', catalogReads, status('web', 'critical')),
    watch('a check stays', catalogReads, status('web', 'critical')),
    watch('a service changes', catalogReads, web('web', { Port: 8080 })),
    watch('a service stays', catalogReads, web('web', { Port: 8080 })),
    watch('another service appears', catalogReads, web('none')),
    watch(
      'a node changes',
      catalogReads,
      put('/v1/catalog/register', { Node: 'b1', Address: '10.0.0.2' }),
    ),
    watch(
      'another node appears',
      catalogReads,
      put('/v1/catalog/register', { Node: 'b2', Address: '10.0.0.3' }),
    ),
    watch(
      'another instance appears',
      catalogReads,
      put('/v1/catalog/register', { Node: 'b2', Address: '10.0.0.3', Service: { Service: 'web' } }),
    ),
    watch(
      'a node check appears',
      catalogReads,
      put('/v1/catalog/register', {
        Node: 'b1',
        Address: '10.0.0.2',
        Check: { Name: 'n', Status: 'warning' },
      }),
    ),
    get('/v1/session/info/{{mortal}}', { name: 'outlives its TTL, for what may be on its way' }),
    watch('a key is written', catalogReads, put('/v1/kv/w/a', '9')),
    watch(
      'an instance goes',
      catalogReads,
      put('/v1/catalog/deregister', { Node: 'b2', ServiceID: 'web' }),
    ),
    watch(
      'a service vanishes',
      catalogReads,
      put('/v1/catalog/deregister', { Node: 'b1', ServiceID: 'none' }),
    ),
    watch('a node goes', catalogReads, put('/v1/catalog/deregister', { Node: 'b1' })),
    put('/v1/catalog/deregister', { Node: 'b2' }),
    get('/v1/catalog/nodes', { name: 'clean' }),

    get('/v1/session/info/{{mortal}}', { name: 'ends after twice its TTL', until: '[]' }),
    get('/v1/kv/mortal', { name: 'and lets go' }),
    watch('nothing is written', kvReads),
    watch('its key', kvReads, put('/v1/kv/w/a', '2')),
    watch('its neighbour', kvReads, put('/v1/kv/w/b', '2')),
    watch('the same value', kvReads, put('/v1/kv/w/a', '2')),
    watch('a new key', kvReads, put('/v1/kv/w/none', '1')),
    watch('a key elsewhere', kvReads, put('/v1/kv/zz', '1')),
    watch('a key is deleted', kvReads, del('/v1/kv/w/b')),
    watch('a missing key is deleted', kvReads, del('/v1/kv/w/bb')),
    watch('a tree is deleted', kvReads, del('/v1/kv/w/?recurse')),
    watch('an empty tree is deleted', kvReads, del('/v1/kv/nothing/?recurse')),
    watch(
      'a transaction',
      kvReads,
      put('/v1/txn', [{ KV: { Verb: 'set', Key: 'w/a', Value: 'MQ==' } }]),
    ),
    get('/v1/kv/w/a', { remember: { now: 'header:X-Consul-Index' } }),
    get('/v1/kv/w/a?index={{now}}&wait=300ms', { name: 'waits out', timed: 300, after: ['now'] }),
    get('/v1/kv/w/a?index={{now}}&wait=0.3s', { name: 'a fractional wait', timed: 300 }),
    get('/v1/kv/w/a?index=1&wait=300ms', { name: 'an index of the past', timed: 300 }),
    get('/v1/kv/w/a?index=99999999&wait=300ms', {
      name: 'an index of the future',
      timed: 300,
      after: ['now'],
    }),
    get('/v1/kv/w/a?index=18446744073709551615&wait=300ms', {
      name: 'the largest index',
      timed: 300,
    }),
    get('/v1/kv/w/a?index=0&wait=300ms', { name: 'index 0', timed: 300 }),
    get('/v1/kv/w/a?wait=300ms', { name: 'a wait without an index', timed: 300 }),
    get('/v1/kv/w/a?index={{now}}&wait=300ms&stale', { name: 'blocks stale', timed: 300 }),
    get('/v1/kv/w/a?index={{now}}&wait=300ms&consistent', {
      name: 'blocks consistent',
      timed: 300,
    }),
    get('/v1/status/leader?index=1&wait=300ms', { timed: 300 }),
    get('/v1/agent/services?index=1&wait=300ms', { timed: 300 }),
    get('/v1/catalog/datacenters?index=999999&wait=300ms', { timed: 300 }),
    del('/v1/kv/?recurse', { name: 'clean up' }),
  ],
}
