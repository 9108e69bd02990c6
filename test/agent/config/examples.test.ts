import { mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { type AgentProcess, freePort, startAgentProcess } from '../../support/agent-process.ts'
import { createAuthority } from '../../support/certificates.ts'

const examples = join(import.meta.dirname, '../../../configs')
const answerMs = 30_000
const askAgainMs = 50

const isServer: Readonly<Record<string, boolean>> = {
  'client.hcl': false,
  'dev.hcl': true,
  'server.hcl': true,
  'service-web.hcl': false,
  'tls.hcl': false,
}

t.test('every example is known here', async (t) => {
  t.same((await readdir(examples)).toSorted(), Object.keys(isServer))
})

const authority = await createAuthority(t)
const { certFile, keyFile } = await authority.issue('client.dc1.consul')

/** What an example expects of its host, and no test has. */
const ownHost: Readonly<Record<string, readonly string[]>> = {
  'tls.hcl': [
    `-https-port=${await freePort()}`,
    `-hcl=ca_file = "${authority.caFile}" cert_file = "${certFile}" key_file = "${keyFile}"`,
    '-hcl=addresses { https = "127.0.0.1" }',
  ],
}

for (const [name, server] of Object.entries(isServer)) {
  t.test(`an agent starts with ${name}`, async (t) => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'praetor-example-'))
    await using agent = await startAgentProcess({
      args: [
        `-config-file=${join(examples, name)}`,
        '-bind=127.0.0.1',
        `-data-dir=${join(directory.path, 'data')}`,
        `-pid-file=${join(directory.path, 'pid')}`,
        // The socket of server.hcl lies where only a service's own user may write.
        '-hcl=addresses { http = "127.0.0.1" }',
        ...(ownHost[name] ?? []),
      ],
    })
    const self = JSON.parse(await untilAnswered(agent)) as { Config: { Server: boolean } }
    t.equal(self.Config.Server, server)
  })
}

async function untilAnswered(agent: AgentProcess): Promise<string> {
  const deadline = Date.now() + answerMs
  for (;;) {
    const answer = await agent.ask('GET', '/agent/self').catch(() => undefined)
    if (answer?.status === 200) return answer.text
    if (agent.child.exitCode !== null || Date.now() > deadline)
      throw new Error(`the agent does not answer:\n${agent.output()}`)
    await sleep(askAgainMs)
  }
}
