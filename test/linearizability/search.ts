import { must } from '../../server/model/assert.ts'
import type { Operation } from './history.ts'
import type { Model } from './model.ts'

export interface Problem<State, Input, Output> {
  readonly model: Model<State, Input, Output>
  /** Of one key. */
  readonly operations: readonly Operation<Input, Output>[]
  /** Where not the model's own. */
  readonly initial?: State
  /** Where not the model's own judgement of what the operation saw. */
  readonly accepts?: (operation: Operation<Input, Output>, expected: Output) => boolean
  /** Times the model may be asked. */
  readonly stepsMax: number
  /** Called with every state that is come to, often more than once. */
  readonly visit?: (state: State) => void
}

export interface Found<Input, Output> {
  readonly kind: 'legal' | 'illegal' | 'undecided'
  readonly steps: number
  /** If legal: an order that explains everything; operations without an answer are in it only where they are needed. */
  readonly order: readonly Operation<Input, Output>[]
}

/**
 * Looks for an order of the operations that a single client could have seen and that keeps to their times: Wing and Gong's
 * search ("Testing and Verifying Concurrent Objects", 1993), with Lowe's memory of what was tried ("Testing for
 * linearizability", 2017).
 *
 * Calls and returns stand in a list by time. Whatever is called before the first return may come next; choosing it takes its
 * call and return out of the list. To come upon a return is to be stuck: its operation should have come before. Operations
 * without an answer need not come at all, so they are tried only then, and only where they change something.
 */
export function search<State, Input, Output>(
  problem: Problem<State, Input, Output>,
): Found<Input, Output> {
  const { model, stepsMax, visit } = problem
  const accepts =
    problem.accepts ??
    ((operation, expected) =>
      operation.output === undefined || model.agrees(expected, operation.output))
  const byCall = problem.operations.toSorted((a, b) => a.calledAt - b.calledAt)
  const answered = byCall.filter(({ returnedAt }) => returnedAt !== Infinity)
  const open = byCall.filter(({ returnedAt }) => returnedAt === Infinity)
  const events = new EventList(answered)
  const tried = new Tried(answered.length, open.length)

  const path: { readonly choice: number; readonly state: State }[] = []
  let state = problem.initial ?? model.initial
  let identity = model.identify(state)
  let steps = 0
  visit?.(state)
  tried.isNew(identity)

  /** An event of the list or, from `openFrom` on, an operation without an answer. */
  let choice = events.first()
  const openFrom = 2 * answered.length + 2
  while (!events.isEmpty()) {
    if (choice < openFrom && events.isReturn(choice)) choice = openFrom
    let operation: Operation<Input, Output> | undefined
    if (choice < openFrom) operation = answered[choice]
    else {
      const limit = events.firstReturnAt()
      while (choice - openFrom < open.length) {
        const candidate = must(open[choice - openFrom], 'an open operation')
        if (candidate.calledAt <= limit && !tried.has(choice - openFrom + answered.length)) {
          operation = candidate
          break
        }
        choice += 1
      }
    }

    if (operation === undefined) {
      const last = path.pop()
      if (last === undefined) return { kind: 'illegal', steps, order: [] }
      choice = last.choice
      state = last.state
      identity = model.identify(state)
      if (choice < openFrom) {
        events.putBack(choice)
        tried.unmark(choice)
        choice = events.after(choice)
      } else {
        tried.unmark(choice - openFrom + answered.length)
        choice += 1
      }
      continue
    }

    steps += 1
    if (steps > stepsMax) return { kind: 'undecided', steps, order: [] }
    const applied = model.apply(state, operation.input)
    const nextIdentity = model.identify(applied.state)
    const isOpen = choice >= openFrom
    const isPossible = isOpen ? nextIdentity !== identity : accepts(operation, applied.output)
    const number = isOpen ? choice - openFrom + answered.length : choice
    if (isPossible) {
      tried.mark(number)
      if (tried.isNew(nextIdentity)) {
        path.push({ choice, state })
        state = applied.state
        identity = nextIdentity
        visit?.(state)
        if (!isOpen) events.takeOut(choice)
        choice = events.first()
        continue
      }
      tried.unmark(number)
    }
    choice = isOpen ? choice + 1 : events.after(choice)
  }
  const order = path.map((step) =>
    must(
      step.choice < openFrom ? answered[step.choice] : open[step.choice - openFrom],
      'a chosen operation',
    ),
  )
  return { kind: 'legal', steps, order }
}

/**
 * Calls and returns of the operations not chosen yet, by time, as a list in which taking out and putting back are O(1) if done
 * in reverse order (Knuth's dancing links). A call has its operation's number, a return that plus their count. At the same
 * instant calls come first: such operations overlap.
 */
class EventList {
  readonly #returnTimes: readonly number[]
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #count: number
  readonly #head: number
  readonly #tail: number

  constructor(operations: readonly Operation<unknown, unknown>[]) {
    this.#count = operations.length
    this.#head = 2 * this.#count
    this.#tail = this.#head + 1
    this.#returnTimes = operations.map(({ returnedAt }) => returnedAt)
    const times = [...operations.map(({ calledAt }) => calledAt), ...this.#returnTimes]
    const order = [...times.keys()].toSorted(
      (a, b) => must(times[a], 'a time') - must(times[b], 'a time') || a - b,
    )
    this.#next = new Int32Array(this.#tail + 1)
    this.#previous = new Int32Array(this.#tail + 1)
    let last = this.#head
    for (const event of [...order, this.#tail]) {
      this.#next[last] = event
      this.#previous[event] = last
      last = event
    }
  }

  isEmpty(): boolean {
    return this.first() === this.#tail
  }

  first(): number {
    return this.after(this.#head)
  }

  after(event: number): number {
    return this.#next[event] as number
  }

  isReturn(event: number): boolean {
    return event >= this.#count
  }

  firstReturnAt(): number {
    let event = this.first()
    while (!this.isReturn(event)) event = this.after(event)
    return this.#returnTimes[event - this.#count] ?? Infinity
  }

  takeOut(call: number): void {
    this.#unlink(call)
    this.#unlink(call + this.#count)
  }

  putBack(call: number): void {
    this.#link(call + this.#count)
    this.#link(call)
  }

  #unlink(event: number): void {
    const [before, after] = [this.#previous[event] as number, this.#next[event] as number]
    this.#next[before] = after
    this.#previous[after] = before
  }

  #link(event: number): void {
    this.#next[this.#previous[event] as number] = event
    this.#previous[this.#next[event] as number] = event
  }
}

/**
 * Which operations are chosen, and every (chosen, state) that was come to. What is chosen is nearly a prefix by time of call, so
 * its name is short: the length of the prefix, and what lies beyond it.
 */
class Tried {
  readonly #chosen: Uint8Array
  readonly #answered: number
  readonly #open: number
  readonly #seen = new Set<string>()
  #prefix = 0
  #count = 0

  constructor(answered: number, open: number) {
    this.#chosen = new Uint8Array(answered + open)
    this.#answered = answered
    this.#open = open
  }

  has(number: number): boolean {
    return this.#chosen[number] === 1
  }

  mark(number: number): void {
    this.#chosen[number] = 1
    if (number >= this.#answered) return
    this.#count += 1
    while (this.#prefix < this.#answered && this.#chosen[this.#prefix] === 1) this.#prefix += 1
  }

  unmark(number: number): void {
    this.#chosen[number] = 0
    if (number >= this.#answered) return
    this.#count -= 1
    if (number < this.#prefix) this.#prefix = number
  }

  /** True the first time that these are chosen and the state is this. */
  isNew(identity: string): boolean {
    let name = `${this.#prefix}`
    for (let left = this.#count - this.#prefix, at = this.#prefix + 1; left > 0; at += 1)
      if (this.#chosen[at] === 1) {
        name += `,${at}`
        left -= 1
      }
    for (let at = 0; at < this.#open; at += 1)
      if (this.#chosen[this.#answered + at] === 1) name += `?${at}`
    const sizeBefore = this.#seen.size
    this.#seen.add(`${name} ${identity}`)
    return this.#seen.size > sizeBefore
  }
}
