import { pastOf, standingOf } from './normal-form.ts'
import { serverIn, type Letter, type ServerState, type ServerStates } from './server-states.ts'

/**
 * Which letters may come from now on: any that was ever sent, at any time, often, or never; so loss, doubling, delay and another order
 * are all in it.
 */
export class Mail {
  readonly #states: ServerStates
  readonly #isPlain: boolean
  /** By the number of a letter, that which stands for it when it is of the past. */
  readonly #past: Letter[] = []
  /** By the number of a letter, the last world that it was in, of those that were made. */
  readonly #marks: number[] = []
  #epoch = 0

  constructor(states: ServerStates, isPlain: boolean) {
    this.#states = states
    this.#isPlain = isPlain
  }

  /**
   * After a step: what could come before, if it is still anything to who changed; what was sent; and every answer to it that changes
   * nobody but those who get it. As letters may be left lying for ever, whatever can happen without such an answer can happen with it,
   * and it is no loss that it is sent as soon as it can be.
   */
  after(
    letters: readonly Letter[],
    servers: readonly ServerState[],
    step: { readonly was: ServerState; readonly is: ServerState; readonly sent: readonly Letter[] },
  ): readonly Letter[] {
    const { is, sent, was } = step
    this.#epoch += 1
    const all: Letter[] = []
    const isSame = is.disk.term === was.disk.term && is.term === was.term && is.role === was.role
    for (const letter of letters)
      this.#add(all, isSame || letter.to !== is.id ? letter : this.#left(letter, servers))
    const kept = all.length
    for (const letter of sent) this.#add(all, this.#left(letter, servers))
    if (this.#isPlain) return all
    for (let at = 0; at < all.length; at += 1) {
      const letter = all[at] as Letter
      // Others have answered already what they could.
      if (at < kept && (is === was || letter.to !== is.id)) continue
      const receiver = serverIn(servers, letter.to)
      const answer = this.#states.deliver(receiver, letter)
      if (answer.after !== receiver) continue
      for (const fresh of answer.sent) this.#add(all, this.#left(fresh, servers))
    }
    return all
  }

  #add(all: Letter[], letter: Letter | null): void {
    if (letter === null || this.#marks[letter.number] === this.#epoch) return
    this.#marks[letter.number] = this.#epoch
    all.push(letter)
  }

  /** What a letter still is to its receiver; null if nothing. */
  #left(letter: Letter, servers: readonly ServerState[]): Letter | null {
    const { from, message, number, to } = letter
    if (this.#isPlain) return letter
    switch (standingOf(message, serverIn(servers, to))) {
      case 'present':
        return letter
      case 'past':
        this.#past[number] ??= this.#states.letter(from, { to, message: pastOf(message) })
        return this.#past[number]
      default:
        return null
    }
  }
}
