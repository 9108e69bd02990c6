import { assert, must } from '../../model/assert.ts'
import type { Alive } from '../wire/messages.ts'

/**
 * Small numbers for members' names, and one copy of what each member said of itself.
 *
 * A view of N members is then a few bytes a member: arrays indexed by the number, and references to statements that are not the
 * view's own. A process has one view and does not care; a simulation of ten thousand members has ten thousand views of the same
 * ten thousand statements, and shares one directory among them. Numbers are held and released, and used again.
 */
export class Directory {
  readonly #numbers = new Map<string, number>()
  readonly #names: (string | undefined)[] = []
  readonly #holders: number[] = []
  readonly #newest: (Alive | undefined)[] = []
  readonly #free: number[] = []
  readonly #encodings = new WeakMap<Alive, Uint8Array>()

  /** The member's number, or undefined where nobody holds one for it. */
  find(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  nameOf(number: number): string {
    return must(this.#names[number], 'a number in use has a name')
  }

  /** Undefined where the number is not in use. */
  nameIfUsed(number: number): string | undefined {
    return this.#names[number]
  }

  /** A number that stays this member's until it was released as often as held. */
  hold(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) {
      this.#holders[known] = (this.#holders[known] ?? 0) + 1
      return known
    }
    const number = this.#free.pop() ?? this.#names.length
    this.#names[number] = name
    this.#holders[number] = 1
    this.#newest[number] = undefined
    this.#numbers.set(name, number)
    return number
  }

  release(number: number): void {
    const left = (this.#holders[number] ?? 0) - 1
    assert(left >= 0, 'only what was held is released')
    this.#holders[number] = left
    if (left > 0) return
    this.#numbers.delete(this.nameOf(number))
    this.#names[number] = undefined
    this.#newest[number] = undefined
    this.#free.push(number)
  }

  /** The statement as it is sent. It is passed on unchanged, so it is encoded once. */
  encoded(statement: Alive, encode: (statement: Alive) => Uint8Array): Uint8Array {
    let bytes = this.#encodings.get(statement)
    if (bytes === undefined) this.#encodings.set(statement, (bytes = encode(statement)))
    return bytes
  }

  /** The same statement, as others may already hold it. */
  intern(number: number, statement: Alive): Alive {
    const newest = this.#newest[number]
    if (newest !== undefined && isSameStatement(newest, statement)) return newest
    if (newest === undefined || statement.incarnation >= newest.incarnation)
      this.#newest[number] = statement
    return statement
  }
}

export function isSameStatement(a: Alive, b: Alive): boolean {
  return a === b || (a.incarnation === b.incarnation && isSameDescription(a, b))
}

/** Whether both tell the same of the member, whatever the incarnation. */
export function isSameDescription(
  a: Pick<Alive, 'address' | 'meta' | 'versions'>,
  b: Pick<Alive, 'address' | 'meta' | 'versions'>,
): boolean {
  return (
    a.address.host === b.address.host &&
    a.address.port === b.address.port &&
    isSameBytes(a.meta, b.meta) &&
    isSameVersions(a.versions, b.versions)
  )
}

function isSameVersions(a: Alive['versions'], b: Alive['versions']): boolean {
  return (
    a === b ||
    (a.protocol.every((version, at) => version === b.protocol[at]) &&
      a.delegate.every((version, at) => version === b.delegate[at]))
  )
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false
  return true
}
