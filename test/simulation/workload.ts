import type { NodeId } from '../../server/raft/types.ts'
import { checkLinearizable } from '../linearizability/checker.ts'
import { History, type Operation } from '../linearizability/history.ts'
import { checkIndexOrder, type IndexedEvent } from '../linearizability/index-order.ts'
import { lock, type LockInput, type LockOutput } from '../linearizability/models/lock.ts'
import {
  register,
  type RegisterInput,
  type RegisterOutput,
} from '../linearizability/models/register.ts'
import { resolveOpen } from '../linearizability/resolve.ts'
import type { Answer, Command, Frontend, ReadMode, Row } from './command.ts'
import type { Draw } from './draw.ts'
import type { Plan } from './plan.ts'
import type { Scheduler } from './scheduler.ts'
import { hold } from './violation.ts'

/** How long a client waits before it gives a request up and goes on as another. */
const patienceMs = 2500

/** Few requests to one key, for the search is exponential in those that overlap. */
const requestsPerKey = 40

interface Surroundings {
  readonly scheduler: Scheduler
  /** Asks that server, which may pass the request on. */
  readonly ask: (server: NodeId, request: (frontend: Frontend) => void) => void
  readonly servers: () => readonly NodeId[]
}

/** Clients that read, write and lock, and remember what they were told. */
export class Workload {
  readonly counts = { asked: 0, written: 0, read: 0, refused: 0, unknown: 0 }
  /** Requests that wait for an answer. */
  open = 0
  readonly #plan: Plan
  readonly #draw: Draw
  readonly #around: Surroundings
  readonly #registers = new History<RegisterInput, RegisterOutput>()
  readonly #locks = new History<LockInput, LockOutput>()
  /** The marks of what was asked, to find it in the log. */
  readonly #marks = new Map<RegisterInput | LockInput, Command>()
  readonly #refused: Command[] = []
  readonly #indexed: IndexedEvent[] = []
  #isOver = false
  #lastMark = 0

  constructor(plan: Plan, draw: Draw, around: Surroundings) {
    this.#plan = plan
    this.#draw = draw
    this.#around = around
    for (let client = 1; client <= plan.clients; client += 1) this.#begin(`c${client}`)
  }

  /** No new requests. */
  stop(): void {
    this.#isOver = true
  }

  /** One write, to see that it goes through. */
  probe(server: NodeId, done: (answer: Answer) => void): void {
    this.#write(server, { verb: 'put', key: 'probe', mark: this.#mark() }, done)
  }

  /** Judges everything that clients saw. `positionOf` finds a request in the log, when nothing can be added to it any more. */
  judge(positionOf: (command: Command) => number | undefined): void {
    for (const command of this.#refused) {
      const index = positionOf(command)
      hold(
        index === undefined,
        'RefusedIsNotDone',
        () => `${command.verb} ${command.mark} was refused, and is at ${index} in the log`,
      )
    }
    const [disorder] = checkIndexOrder(this.#indexed)
    hold(disorder === undefined, 'IndexOrder', () => disorder?.text ?? '')
    const place = (operation: Operation<RegisterInput | LockInput, unknown>): number | 'absent' => {
      const command = this.#marks.get(operation.input)
      return (command && positionOf(command)) ?? 'absent'
    }
    const verdicts = [
      checkLinearizable(register, resolveOpen(this.#registers.operations(), place)),
      checkLinearizable(lock, resolveOpen(this.#locks.operations(), place)),
    ]
    for (const { explanations, kind } of verdicts)
      hold(kind !== 'illegal', 'Linearizability', () => explanations[0]?.text ?? '')
  }

  /** A client is as good as dead when it does not know what became of its request; another comes for it. */
  #begin(client: string): void {
    const lives = this.#draw.happens(0.3) ? this.#holder(client) : this.#reader(client)
    const go = (isAlive: boolean): void => {
      if (this.#isOver) return
      if (!isAlive) return this.#begin(`${client}'`)
      this.#around.scheduler.after(this.#draw.exponential(this.#plan.thinkMs), () => {
        if (!this.#isOver) lives(go)
      })
    }
    go(true)
  }

  /** Reads, writes, and writes what it read on condition. */
  #reader(client: string): Life {
    const rows = new Map<string, Row | null>()
    return (next) => {
      const key = this.#key('kv')
      const known = rows.get(key)
      const draw = this.#draw.fraction()
      if (draw < 0.45 || (draw < 0.7 && known === undefined))
        return this.#get(client, key, (row) => {
          if (row !== undefined) rows.set(key, row)
          next(true)
        })
      const mark = this.#mark()
      const command: Command =
        draw < 0.7 && known !== undefined
          ? {
              verb: 'cas',
              key,
              mark,
              expected: known?.value ?? null,
              index: known?.index ?? 0,
            }
          : { verb: 'put', key, mark }
      const input: RegisterInput =
        command.verb === 'cas'
          ? { verb: 'cas', expected: command.expected, value: mark }
          : { verb: 'put', value: mark }
      this.#ask(this.#registers, client, key, input, command, (answer) => {
        if (answer.kind === 'written' && answer.isDone)
          rows.set(key, { value: mark, index: answer.index, holder: null, lockIndex: 0 })
        next(answer.kind !== 'unknown')
      })
    }
  }

  /** Makes a session, takes a lock with it, looks, and gives it up one way or the other. */
  #holder(client: string): Life {
    let isKnown = false
    let session: string | null = null
    let key = ''
    let isHeld = false
    return (next) => {
      const mark = this.#mark()
      if (!isKnown)
        return this.#write(this.#server(), { verb: 'node', mark }, (answer) => {
          isKnown = answer.kind === 'written'
          next(answer.kind !== 'unknown')
        })
      if (session === null) {
        key = this.#key('lock')
        const made = mark
        return this.#write(this.#server(), { verb: 'session', mark }, (answer) => {
          if (answer.kind === 'written' && answer.isDone) session = made
          next(answer.kind !== 'unknown')
        })
      }
      if (this.#draw.happens(0.3)) return this.#look(client, key, () => next(true))
      const leaving = this.#draw.happens(0.5) ? 'release' : 'destroy'
      const verb = isHeld ? leaving : 'acquire'
      const command: Command =
        verb === 'destroy' ? { verb, mark, session } : { verb, key, mark, session }
      this.#ask(this.#locks, client, key, { verb, session }, command, (answer) => {
        if (answer.kind === 'written') isHeld = verb === 'acquire' && answer.isDone
        if (answer.kind === 'written' && verb === 'destroy') session = null
        next(answer.kind !== 'unknown')
      })
    }
  }

  #get(client: string, key: string, then: (row: Row | null | undefined) => void): void {
    const number = this.#registers.call(client, key, { verb: 'get' }, this.#around.scheduler.nowMs)
    this.#read(key, (answer, atMs) => {
      if (answer.kind !== 'read') this.#registers.forget(number)
      else this.#registers.return(number, answer.row?.value ?? null, atMs, answer.index)
      then(answer.kind === 'read' ? answer.row : undefined)
    })
  }

  #look(client: string, key: string, then: () => void): void {
    const number = this.#locks.call(client, key, { verb: 'read' }, this.#around.scheduler.nowMs)
    this.#read(key, (answer, atMs) => {
      if (answer.kind === 'read') {
        const { holder, lockIndex } = answer.row ?? { holder: null, lockIndex: 0 }
        this.#locks.return(number, { holder, lockIndex }, atMs, answer.index)
      } else this.#locks.forget(number)
      then()
    })
  }

  #ask<Input extends RegisterInput | LockInput, Output>(
    history: History<Input, Output | boolean>,
    client: string,
    key: string,
    input: Input,
    command: Command,
    then: (answer: Answer) => void,
  ): void {
    const { scheduler } = this.#around
    const number = history.call(client, key, input, scheduler.nowMs)
    this.#marks.set(input, command)
    this.#write(this.#server(), command, (answer) => {
      if (answer.kind === 'refused') history.forget(number)
      if (answer.kind === 'written')
        history.return(number, answer.isDone, scheduler.nowMs, answer.index)
      then(answer)
    })
  }

  #read(key: string, then: (answer: Answer, atMs: number) => void): void {
    const mode: ReadMode = this.#draw.happens(0.5) ? 'lease' : 'round'
    const calledAt = this.#around.scheduler.nowMs
    this.#request(
      this.#server(),
      (frontend, answer) => frontend.read(key, mode, answer),
      (answer, atMs) => {
        if (answer.kind === 'read')
          this.#order('read', `${mode} read of ${key}`, answer.index, calledAt)
        then(answer, atMs)
      },
    )
  }

  #write(server: NodeId, command: Command, then: (answer: Answer) => void): void {
    const calledAt = this.#around.scheduler.nowMs
    this.#request(
      server,
      (frontend, answer) => frontend.write(command, answer),
      (answer) => {
        if (answer.kind === 'refused') this.#refused.push(command)
        if (answer.kind === 'written')
          this.#order('write', `${command.verb} ${command.mark}`, answer.index, calledAt)
        then(answer)
      },
    )
  }

  #request(
    server: NodeId,
    request: (frontend: Frontend, answer: (answer: Answer) => void) => void,
    then: (answer: Answer, atMs: number) => void,
  ): void {
    const { scheduler } = this.#around
    let isOpen = true
    this.open += 1
    this.counts.asked += 1
    const settle = (answer: Answer): void => {
      if (!isOpen) return
      isOpen = false
      this.open -= 1
      this.counts[answer.kind] += 1
      patience.cancel()
      then(answer, scheduler.nowMs)
    }
    const patience = scheduler.after(patienceMs, () => settle({ kind: 'unknown' }))
    this.#around.ask(server, (frontend) => request(frontend, settle))
  }

  #order(kind: 'read' | 'write', what: string, index: number, calledAt: number): void {
    const returnedAt = this.#around.scheduler.nowMs
    this.#indexed.push({ scope: 'log', kind, index, calledAt, returnedAt, what })
  }

  #server(): NodeId {
    return this.#draw.oneOf(this.#around.servers())
  }

  #key(kind: string): string {
    const era = Math.floor(this.counts.asked / (3 * requestsPerKey))
    return `${kind}/${era}/${this.#draw.whole(1, 3)}`
  }

  #mark(): string {
    this.#lastMark += 1
    return `m${this.#lastMark}`
  }
}

/** The next thing that a client does; told whether it lives on. */
type Life = (next: (isAlive: boolean) => void) => void
