import t from 'tap'

import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

t.test('an absent list of checks has a default, and null puts it out of force', async (t) => {
  const { ask } = await serve(t, { rpc: localRpc().rpc })
  const Checks = [
    { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing' },
    { CheckID: 'other', Name: 'other', Status: 'passing' },
  ]
  const node = JSON.stringify({ Node: 'n1', Address: '127.0.0.1', Checks })
  t.match(await ask('PUT', '/v1/catalog/register', { body: node }), { status: 200 })
  const serf = ['serfHealth']
  const cases: readonly [body: string, nodeChecks: unknown, checks?: readonly string[]][] = [
    ['', serf],
    ['null', serf],
    ['{}', serf],
    ['{"Name":null,"Node":null,"LockDelay":null,"TTL":null,"ServiceChecks":null}', serf],
    ['{"Checks":null}', []],
    ['{"checks":null,"NodeChecks":["serfHealth"]}', []],
    ['{"Checks":[]}', []],
    ['{"Checks":[],"NodeChecks":null}', []],
    ['{"NodeChecks":null}', null],
    ['{"Checks":["serfHealth"],"nodechecks":null}', null],
    ['{"NodeChecks":[]}', []],
    ['{"Checks":["serfHealth"]}', serf],
    ['{"Checks":["serfHealth","other"]}', serf, ['serfHealth', 'other']],
    ['{"NodeChecks":["other"]}', ['other']],
  ]
  for (const [body, nodeChecks, checks] of cases) {
    const created = await ask('PUT', '/v1/session/create', { body })
    t.equal(created.status, 200, body)
    const { ID } = JSON.parse(created.body) as { ID: string }
    const [session] = JSON.parse((await ask('GET', `/v1/session/info/${ID}`)).body)
    t.strictSame([session.NodeChecks, session.Checks], [nodeChecks, checks], body)
  }
})
