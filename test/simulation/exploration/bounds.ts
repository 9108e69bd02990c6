/** What happens so often and no more. */
export type Scarce =
  | 'crashes'
  /** A batch that is not written in the turn that made it. */
  | 'delays'
  | 'beats'
  | 'reads'
  | 'changes'
  | 'transfers'
  | 'resignations'

/** How far a search goes. What is left out happens never, but for delays: without a bound disks are as slow as they like. */
export interface Bounds extends Partial<Readonly<Record<Scarce, number>>> {
  readonly servers: number
  readonly termMax: number
  /** Nothing is proposed to a leader whose log has so many, the cluster's first not counted. */
  readonly entriesMax: number
  /**
   * What becomes of the question whether one would be elected. `asked`: it goes its way like any message, and so do the answers.
   * `granted`: it is answered at once by enough voters, whatever they would have said, so that there are more campaigns than could
   * be; but nobody is left waiting for an answer.
   */
  readonly preVotes: 'asked' | 'granted'
  /**
   * Nothing is left out because it is covered by something else: many times the worlds, of the same servers in the same states. To
   * see that what is left out otherwise is no loss.
   */
  readonly isPlain?: boolean
}
