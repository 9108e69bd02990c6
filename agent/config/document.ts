/** Where something begins in a text: both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** The way from a document's root to a value: names in objects, numbers in lists. */
export type Path = readonly (string | number)[]

export interface DocumentObject {
  readonly [name: string]: DocumentValue
}
export type DocumentValue =
  | string
  | number
  | boolean
  | null
  | readonly DocumentValue[]
  | DocumentObject

/** A configuration text, read: plain values, and where each of them was written. */
export interface Document {
  readonly format: 'hcl' | 'json'
  readonly value: DocumentObject
  readonly positions: Positions
}

/** Remembers where the value at each path was written. */
export class Positions {
  readonly #byPath = new Map<string, Position>()

  put(path: Path, position: Position): void {
    this.#byPath.set(keyOf(path), position)
  }

  at(path: Path): Position | undefined {
    return this.#byPath.get(keyOf(path))
  }
}

/** A text that can't be read as what it should be. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault'
  readonly position: Position

  constructor(message: string, position: Position) {
    super(message)
    this.position = position
  }
}

export function positionAt(text: string, offset: number): Position {
  return new LineIndex(text).at(offset)
}

/** Turns offsets in a text into positions, for texts of which many are asked. */
export class LineIndex {
  readonly #starts: readonly number[]

  constructor(text: string) {
    const starts = [0]
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#starts = starts
  }

  at(offset: number): Position {
    let [low, high] = [0, this.#starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 }
  }
}

/** `ports.http`, `services[0].tags`. */
export function formatPath(path: Path): string {
  return path
    .map((step, depth) =>
      typeof step === 'number' ? `[${step}]` : depth === 0 ? step : `.${step}`,
    )
    .join('')
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}

export function isObject(value: DocumentValue | undefined): value is DocumentObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
