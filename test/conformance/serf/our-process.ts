import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { OurOptions } from './our-pool.ts'
import { Program } from './process.ts'
import type { View, Viewer } from './view.ts'
import type { World } from './world.ts'

/** What our pool in a process of its own is told, a line of JSON each. */
export type Order =
  | { readonly order: 'join'; readonly address: string }
  | { readonly order: 'leave' }
  | { readonly order: 'view' }
  | { readonly order: 'heard'; readonly name: string }

const answerWaitMs = 20_000

/** Our pool in a process of its own, which can be killed. Orders are carried out one after the other. */
export class OurProcess extends Program implements Viewer {
  readonly name: string
  readonly address: string
  readonly #answers: AsyncIterator<string>
  readonly #lines: Interface
  #last: Promise<unknown> = Promise.resolve()

  constructor(world: World, options: OurOptions) {
    super(
      process.execPath,
      [fileURLToPath(new URL('our-member.ts', import.meta.url)), JSON.stringify(options)],
      { logPath: join(world.directory, `${options.name}.log`), pipes: true },
    )
    this.name = options.name
    this.address = `127.0.0.1:${options.port}`
    const { stdin, stdout } = this.child
    if (stdin === null || stdout === null) throw new Error('the process has no pipes')
    stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: stdout })
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  /** How many answered. */
  async join(address: string): Promise<unknown> {
    return this.#order({ order: 'join', address })
  }

  async leave(): Promise<void> {
    await this.#order({ order: 'leave' })
  }

  async view(): Promise<View> {
    return (await this.#order({ order: 'view' })) as View
  }

  async heard(name: string): Promise<string[]> {
    return (await this.#order({ order: 'heard', name })) as string[]
  }

  #order(order: Order): Promise<unknown> {
    const answered = this.#last.then(() => this.#ask(order))
    this.#last = answered.catch(() => undefined)
    return answered
  }

  async #ask(order: Order): Promise<unknown> {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`)
    const overdue = setTimeout(() => this.#lines.close(), answerWaitMs)
    const line = await this.#answers.next()
    clearTimeout(overdue)
    if (line.done === true) throw new Error(`${this.name} does not answer`)
    const answer = JSON.parse(line.value) as { readonly value?: unknown; readonly error?: string }
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.value
  }
}
