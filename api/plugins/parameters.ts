import { escapePercent, unescapePercent } from './percent.ts'

/**
 * The parameters after the `?`, read as Go's url.ParseQuery reads them: `&` and `;` separate, `+` is a space, presence without a
 * value is a value (`''`), and what is malformed is left out and remembered, since it fails the whole request.
 */
export class Parameters {
  readonly text: string
  readonly malformed: boolean
  readonly #values = new Map<string, string[]>()

  constructor(text: string) {
    this.text = text
    let malformed = false
    for (const pair of text === '' ? [] : text.split(/[&;]/)) {
      if (pair === '') continue
      const at = pair.indexOf('=')
      const name = unescape(at < 0 ? pair : pair.slice(0, at))
      const value = at < 0 ? '' : unescape(pair.slice(at + 1))
      if (name === undefined || value === undefined) malformed = true
      else this.#add(name, value)
    }
    this.malformed = malformed
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The first value, `''` where there is none. */
  get(name: string): string {
    return this.#values.get(name)?.[0] ?? ''
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** Go's Values.Encode: sorted by name, each spelled in the one way it has. */
  encode(): string {
    return [...this.#values]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, values]) => values.map((value) => `${escape(name)}=${escape(value)}`))
      .join('&')
  }

  #add(name: string, value: string): void {
    const values = this.#values.get(name)
    if (values) values.push(value)
    else this.#values.set(name, [value])
  }
}

/** Shared by every request that has no `?`. */
export const noParameters = new Parameters('')

export const parseParameters = (text: string): Parameters =>
  text === '' ? noParameters : new Parameters(text)

function unescape(text: string): string | undefined {
  return /[%+]/.test(text) ? unescapePercent(text.replaceAll('+', ' ')) : text
}

const escape = (text: string): string => escapePercent(text).replaceAll('%20', '+')
