/** A difference that is meant. Nothing else may differ. */
export interface Explained {
  /** The family and name of the step, as they are printed. */
  readonly step: RegExp
  /** The part of the answer: `status`, `header X`, `body`, `watch …`. */
  readonly part: RegExp
  readonly why: string
}

export const explained: readonly Explained[] = []
