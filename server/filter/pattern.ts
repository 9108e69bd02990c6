import { assertNever } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import { type Edge, parsePattern, type Pattern } from './pattern-syntax.ts'

/**
 * Regular expressions that take time in proportion to the text and never more, as RE2's do. Anybody who may read may send one,
 * and JavaScript's own engine backtracks: a pattern such as `(a+)+$` would stop the agent for every client. So the pattern becomes a
 * small program whose threads run in step, one character at a time (Thompson, CACM 1968; Pike's VM without captures).
 */
type Step =
  | { readonly kind: 'character'; readonly accepts: (code: number) => boolean }
  | { readonly kind: 'edge'; readonly edge: Edge }
  | { readonly kind: 'fork'; to: readonly number[] }
  | { readonly kind: 'match' }

/** A pattern with large counted repetitions becomes a long program; longer than this is refused. */
const stepsMax = 20_000

/** True where the pattern is found anywhere in the text. Throws PraetorError (`failed`) for a pattern RE2 would refuse. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const program: Step[] = []
  emit(parsePattern(pattern), program, new Map())
  program.push({ kind: 'match' })
  return (text) => new Run(program, text).finds()
}

function emit(
  pattern: Pattern,
  program: Step[],
  classes: Map<string, (code: number) => boolean>,
): void {
  if (program.length > stepsMax)
    throw new PraetorError('failed', 'error parsing regexp: expression too large')
  switch (pattern.kind) {
    case 'character':
      program.push({ kind: 'character', accepts: characterTest(pattern, classes) })
      return
    case 'edge':
      program.push(pattern)
      return
    case 'sequence':
      for (const part of pattern.parts) emit(part, program, classes)
      return
    case 'choice':
      emitChoice(pattern.parts, program, classes)
      return
    case 'repeat':
      emitRepeat(pattern, program, classes)
  }
}

function emitChoice(
  parts: readonly Pattern[],
  program: Step[],
  classes: Map<string, (code: number) => boolean>,
): void {
  const [only] = parts
  if (only && parts.length === 1) return emit(only, program, classes)
  const fork = pushFork(program)
  const starts: number[] = []
  const ends: { to: readonly number[] }[] = []
  for (const part of parts) {
    starts.push(program.length)
    emit(part, program, classes)
    ends.push(pushFork(program))
  }
  fork.to = starts
  for (const end of ends) end.to = [program.length]
}

function emitRepeat(
  { part, min, max }: Extract<Pattern, { kind: 'repeat' }>,
  program: Step[],
  classes: Map<string, (code: number) => boolean>,
): void {
  for (let times = 0; times < min; times += 1) emit(part, program, classes)
  if (max === Infinity) {
    const start = program.length
    const fork = pushFork(program)
    emit(part, program, classes)
    program.push({ kind: 'fork', to: [start] })
    fork.to = [start + 1, program.length]
    return
  }
  const forks: { start: number; fork: { to: readonly number[] } }[] = []
  for (let times = min; times < max; times += 1) {
    forks.push({ start: program.length + 1, fork: pushFork(program) })
    emit(part, program, classes)
  }
  for (const { start, fork } of forks) fork.to = [start, program.length]
}

function pushFork(program: Step[]): { to: readonly number[] } {
  const fork: { kind: 'fork'; to: readonly number[] } = { kind: 'fork', to: [] }
  program.push(fork)
  return fork
}

/** Whether a character is of the set: looked up for ASCII, asked of the JavaScript engine (which can't backtrack here) beyond. */
function characterTest(
  { set, ignoreCase }: { readonly set: string; readonly ignoreCase: boolean },
  classes: Map<string, (code: number) => boolean>,
): (code: number) => boolean {
  const key = `${ignoreCase ? 'i' : ''}:${set}`
  const known = classes.get(key)
  if (known) return known
  const pattern = RegExp(`[${set}]`, ignoreCase ? 'iv' : 'v')
  const ascii = Uint8Array.from({ length: 128 }, (_, code) =>
    pattern.test(String.fromCodePoint(code)) ? 1 : 0,
  )
  const test = (code: number): boolean =>
    code < 128 ? ascii[code] === 1 : pattern.test(String.fromCodePoint(code))
  classes.set(key, test)
  return test
}

/** One search: the set of steps that threads stand at, moved along the text. */
class Run {
  readonly #program: readonly Step[]
  readonly #text: string
  /** For each step the offset + 1 at which a thread last came to it, so that none comes twice. */
  readonly #visited: Uint32Array
  #offset = 0
  #matched = false

  constructor(program: readonly Step[], text: string) {
    this.#program = program
    this.#text = text
    this.#visited = new Uint32Array(program.length)
  }

  finds(): boolean {
    let threads: number[] = []
    for (;;) {
      this.#follow(0, threads)
      if (this.#matched) return true
      const code = this.#text.codePointAt(this.#offset)
      if (code === undefined) return false
      this.#offset += code > 0xffff ? 2 : 1
      const moved: number[] = []
      for (const thread of threads) {
        const step = this.#program[thread]
        if (step?.kind === 'character' && step.accepts(code)) this.#follow(thread + 1, moved)
      }
      if (this.#matched) return true
      threads = moved
    }
  }

  /** Adds the steps that can be come to from `start` without taking a character. */
  #follow(start: number, threads: number[]): void {
    const waiting = [start]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (this.#visited[at] === this.#offset + 1) continue
      this.#visited[at] = this.#offset + 1
      const step = this.#program[at]
      if (step?.kind === 'character') threads.push(at)
      else if (step?.kind === 'fork') waiting.push(...step.to)
      else if (step?.kind === 'edge') {
        if (this.#isAt(step.edge)) waiting.push(at + 1)
      } else this.#matched = true
    }
  }

  #isAt(edge: Edge): boolean {
    const before = this.#text.charAt(this.#offset - 1)
    const after = this.#text.charAt(this.#offset)
    switch (edge) {
      case 'text start':
        return before === ''
      case 'text end':
        return after === ''
      case 'line start':
        return before === '' || before === '\n'
      case 'line end':
        return after === '' || after === '\n'
      case 'word edge':
        return isWord(before) !== isWord(after)
      case 'no word edge':
        return isWord(before) === isWord(after)
      default:
        return assertNever(edge)
    }
  }
}

function isWord(character: string): boolean {
  return /^\w$/.test(character)
}
