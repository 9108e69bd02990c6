import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { readOptions } from './options.ts'
import { report } from './report.ts'
import { torture, type Tortured } from './torture.ts'

/** Long runs are `npm run torture`; these show that it can tell a durable server from another. */
const seed = process.env['SEED'] ?? String(Date.now() % 1_000_000)

async function run(t: Test, args: readonly string[]): Promise<Tortured & { text: string }> {
  t.setTimeout(120_000)
  const directory = await mkdtemp(join(tmpdir(), 'praetor-torture-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const fixed = ['--seed', seed, '--port', '31100', '--minutes', '0.08', '--servers', '1']
  const options = readOptions([...fixed, ...args])
  const tortured = await torture(options, directory)
  return { ...tortured, text: report(options, tortured.record, tortured.findings) }
}

t.test(`a server that is killed, torn and paused keeps its promises, seed ${seed}`, async (t) => {
  const { findings, record, text } = await run(t, ['--faults', 'kill,tear,pause'])
  t.strictSame(
    findings.flatMap(({ breaches }) => breaches),
    [],
    text,
  )
  t.ok(record.ledger.size > 0 && record.inflicted.length > 0, text)
})

t.test(`a server that keeps nothing on disk is found out, seed ${seed}`, async (t) => {
  const { findings, text } = await run(t, ['--forgetful', '--faults', 'kill'])
  const broken = findings.filter(({ breaches }) => breaches.length > 0)
  t.ok(
    broken.some(({ promise }) => promise === 'what was acknowledged is there'),
    text,
  )
  t.ok(
    broken.some(({ promise }) => promise.startsWith('linearizable: ?consistent')),
    text,
  )
})

t.test('options that make no sense are refused', (t) => {
  for (const args of [['--servers', '0'], ['--minutes', 'x'], ['--seed', '-1'], ['--what']])
    t.throws(() => readOptions(args), args.join(' '))
  t.end()
})
