/**
 * A real Prometheus finds services through consul_sd in a running agent, and hears of changes: `PROMETHEUS=/path/to/prometheus
 * npm run test:prometheus`. Exits with 1 if it does not.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort, startAgentProcess } from '../support/agent-process.ts'

const waitMs = 30_000

await using agent = await startAgentProcess({
  args: ['-dev', '-node=n1', '-hcl', 'telemetry { prometheus_retention_time = "60s" }'],
})
await agent.untilLeading()
await agent.ask(
  'PUT',
  '/agent/service/register',
  '{"Name":"web","Port":8080,"Tags":["a","b"],"Meta":{"team":"x"}}',
)

const directory = await mkdtemp(join(tmpdir(), 'prometheus-'))
const port = await freePort()
await writeFile(
  join(directory, 'prometheus.yml'),
  `scrape_configs:
  - job_name: services
    consul_sd_configs:
      - server: 127.0.0.1:${agent.httpPort}
  - job_name: agent
    scrape_interval: 1s
    metrics_path: /v1/agent/metrics
    params: { format: [prometheus] }
    static_configs:
      - targets: ['127.0.0.1:${agent.httpPort}']
`,
)
const prometheus = spawn(
  process.env['PROMETHEUS'] ?? 'prometheus',
  [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
)

interface Target {
  readonly discoveredLabels: Readonly<Record<string, string>>
  readonly health: string
  readonly scrapePool: string
}

async function targets(): Promise<readonly Target[]> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/targets`)
  const { data } = (await response.json()) as { data: { activeTargets: readonly Target[] } }
  return data.activeTargets
}

/** Resolves with the targets once they are as they should be. */
async function until(what: string, holds: (found: readonly Target[]) => boolean): Promise<void> {
  const deadline = Date.now() + waitMs
  let found: readonly Target[] = []
  for (;;) {
    found = await targets().catch(() => [])
    if (holds(found)) return console.log(`✓ ${what}`)
    if (Date.now() > deadline)
      throw new Error(`${what}: not so after ${waitMs} ms: ${JSON.stringify(found, null, 2)}`)
    await sleep(100)
  }
}

const label = (found: readonly Target[], service: string, name: string): string | undefined =>
  found.find(({ discoveredLabels }) => discoveredLabels['__meta_consul_service'] === service)
    ?.discoveredLabels[`__meta_consul_${name}`]

try {
  await until(
    'services are discovered, with tags, metadata, node and data centre',
    (found) =>
      label(found, 'web', 'tags') === ',a,b,' &&
      label(found, 'web', 'service_metadata_team') === 'x' &&
      label(found, 'web', 'node') === 'n1' &&
      label(found, 'web', 'dc') === 'dc1' &&
      label(found, 'consul', 'service_id') === 'consul',
  )
  await agent.ask('PUT', '/agent/service/register', '{"Name":"late","Port":1}')
  await until('a new service is heard of', (found) => label(found, 'late', 'service_id') === 'late')
  await agent.ask('PUT', '/agent/service/deregister/late')
  await until('and that it went', (found) => label(found, 'late', 'service_id') === undefined)
  await until("the agent's own metrics are scraped", (found) =>
    found.some(({ scrapePool, health }) => scrapePool === 'agent' && health === 'up'),
  )
} finally {
  const ended = new Promise((resolve) => prometheus.once('close', resolve))
  prometheus.kill('SIGTERM')
  await ended
  await rm(directory, { recursive: true, force: true })
}
