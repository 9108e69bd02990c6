import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'

import type { Measures } from './measures.ts'

/**
 * What was measured, a line for each run, so that hours of simulation can be done in pieces and on several machines. What
 * was measured with a core that behaves otherwise does not count any more: a line bears the digest of a short run.
 */
export class Records {
  readonly #path: string
  readonly #cores: ReadonlyMap<string, string>
  readonly #known = new Map<string, Measures>()

  /** `cores` are the digests by method. */
  constructor(path: string, cores: ReadonlyMap<string, string>) {
    this.#path = path
    this.#cores = cores
    if (!existsSync(path)) return
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const record = line === '' ? null : (JSON.parse(line) as Record)
      if (record !== null && record.core === cores.get(record.method))
        this.#known.set(keyOf(record), record.measures)
    }
  }

  find(run: RunKey): Measures | null {
    return this.#known.get(keyOf(run)) ?? null
  }

  add(run: RunKey, measures: Measures): void {
    this.#known.set(keyOf(run), measures)
    const record: Record = { core: this.#cores.get(run.method) ?? '', ...run, measures }
    mkdirSync(dirname(this.#path), { recursive: true })
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`)
  }
}

export interface RunKey {
  readonly experiment: string
  readonly members: number
  readonly method: string
  readonly label: string
  readonly seed: number
}

interface Record extends RunKey {
  readonly core: string
  readonly measures: Measures
}

function keyOf({ experiment, members, method, label, seed }: RunKey): string {
  return JSON.stringify([experiment, members, method, label, seed])
}
