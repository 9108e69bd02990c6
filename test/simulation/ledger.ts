import { assert, assertNever } from '../../server/model/assert.ts'
import type { Entry } from '../../server/raft/types.ts'
import type { Command, Replica, Row } from './command.ts'
import { hashBytes, hashSeed, mix } from './draw.ts'

/** A state machine of a few lines: keys and locks. It stands in for the store where thousands of clusters are simulated. */
export class Ledger implements Replica {
  index = 0
  #rows = new Map<string, Row>()
  #digest = hashSeed

  /** Whether the command did what it was to do. */
  apply(entry: Entry): boolean {
    assert(entry.index === this.index + 1, `entry ${entry.index} is applied after ${this.index}`)
    this.index = entry.index
    this.#digest = mix(mix(this.#digest, entry.term), hashBytes(entry.payload))
    return entry.kind === 'command' && this.#carryOut(decodeCommand(entry.payload))
  }

  row(key: string): Row | null {
    return this.#rows.get(key) ?? null
  }

  digest(): number {
    return this.#digest
  }

  save(): Uint8Array {
    const { index } = this
    return encode({ index, digest: this.#digest, rows: [...this.#rows] })
  }

  load(bytes: Uint8Array): void {
    const saved = JSON.parse(text(bytes)) as Saved
    this.index = saved.index
    this.#digest = saved.digest
    this.#rows = new Map(saved.rows)
  }

  #carryOut(command: Command): boolean {
    const { index } = this
    switch (command.verb) {
      case 'node':
      case 'session':
        return true
      case 'destroy':
        for (const [key, row] of this.#rows)
          if (row.holder === command.session) this.#rows.set(key, { ...row, index, holder: null })
        return true
      default: {
        const written = write(this.row(command.key), command, index)
        if (written !== null) this.#rows.set(command.key, written)
        return written !== null
      }
    }
  }
}

interface Saved {
  readonly index: number
  readonly digest: number
  readonly rows: [string, Row][]
}

export function encodeCommand(command: Command): Uint8Array {
  return encode(command)
}

function decodeCommand(payload: Uint8Array): Command {
  return JSON.parse(text(payload)) as Command
}

/** The row as it is after the command; null if it refuses. */
function write(row: Row | null, command: KeyCommand, index: number): Row | null {
  const value = command.mark
  const { holder, lockIndex } = row ?? { holder: null, lockIndex: 0 }
  switch (command.verb) {
    case 'put':
      return { value, index, holder, lockIndex }
    case 'cas':
      return (row?.index ?? 0) === command.index ? { value, index, holder, lockIndex } : null
    case 'acquire':
      if (holder !== null && holder !== command.session) return null
      return {
        value,
        index,
        holder: command.session,
        lockIndex: lockIndex + (holder === null ? 1 : 0),
      }
    case 'release':
      return holder === command.session ? { value, index, holder: null, lockIndex } : null
    default:
      return assertNever(command)
  }
}

type KeyCommand = Exclude<Command, { readonly verb: 'node' | 'session' | 'destroy' }>

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
