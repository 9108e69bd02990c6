import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import t from 'tap'

import { type AgentProcess, startAgentProcess } from '../support/agent-process.ts'

/** A client that holds the lock `leader` and writes the key `data` with its fence. */
class Holder implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(agent: AgentProcess, name: string) {
    const script = join(import.meta.dirname, '../support/lock-holder.ts')
    this.#child = spawn(process.execPath, [script, String(agent.httpPort), name], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const { stdout } = this.#child
    if (stdout === null) throw new Error('its output is a pipe')
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]()
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value } = await this.#lines.next()
    return String(value)
  }

  tell(word: string): void {
    this.#child.stdin?.write(`${word}\n`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }
}

t.test(
  'a client that slept through the end of its lock writes nothing when it wakes',
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const config = join(directory, 'agent.json')
    await writeFile(config, '{"session_ttl_min":"1s"}')
    await using agent = await startAgentProcess({ args: ['-dev', `-config-file=${config}`] })
    await agent.untilLeading()
    const data = async (): Promise<string> => (await agent.ask('GET', '/kv/data?raw')).text

    await using first = new Holder(agent, 'first')
    t.equal(await first.line(), 'holding')
    first.tell('write')
    t.equal(await first.line(), 'wrote 200 true')

    first.signal('SIGSTOP')
    // It has this to do already, but does not come to it before its session ends.
    first.tell('write')
    await using second = new Holder(agent, 'second')
    t.equal(await second.line(), 'holding')
    second.tell('write')
    t.equal(await second.line(), 'wrote 200 true')

    first.signal('SIGCONT')
    t.match(
      await first.line(),
      /^wrote 409 Write refused by its fence: the lock "leader" was taken anew at index \d+/,
    )
    t.equal(await data(), 'second')

    first.tell('careless')
    t.equal(await first.line(), 'wrote 200 true', 'without a fence it would have been done')
    t.equal(await data(), 'first')
  },
)
