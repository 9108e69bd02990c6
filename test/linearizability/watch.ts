/** One answer to a blocking query. */
export interface Observation {
  readonly watcher: string
  readonly key: string
  /** The index that the query named; 0 for the first, which does not wait. */
  readonly after: number
  readonly calledAt: number
  readonly returnedAt: number
  readonly index: number
  /** Null: there was no such key. */
  readonly value: string | null
}

/** A write that was acknowledged, and where in the log it stands. */
export interface Change {
  readonly key: string
  readonly index: number
  /** Null: deleted. */
  readonly value: string | null
  readonly returnedAt: number
}

export interface WatchOptions {
  /** How late a waiting query may learn of a change, in the unit of the times; the change's writer may have heard first. */
  readonly wakeMax?: number
}

/**
 * What a blocking query promises: the index never goes back; at one index there is one value; what was acknowledged before the
 * query was asked is seen by it; and whoever waits is woken. A watcher may see two changes as one, but never miss the last.
 * Observations are of reads that ask the leader: for stale ones only the first two hold.
 *
 * Gives a sentence for each breach.
 */
export function checkWatches(
  observations: readonly Observation[],
  changes: readonly Change[],
  { wakeMax = Infinity }: WatchOptions = {},
): string[] {
  return [
    ...[...Map.groupBy(observations, ({ watcher, key }) => `${watcher} ${key}`).values()].flatMap(
      (ofWatcher) => [...goingBack(ofWatcher)],
    ),
    ...disagreements(observations, changes),
    ...missed(observations, changes, wakeMax),
  ]
}

function* goingBack(observations: readonly Observation[]): Generator<string> {
  let last: Observation | undefined
  for (const observation of observations.toSorted((a, b) => a.calledAt - b.calledAt)) {
    const { index, after } = observation
    if (index < Math.max(after, last?.index ?? 0))
      yield `${name(observation)} went back from ${Math.max(after, last?.index ?? 0)} to ${index}`
    last = observation
  }
}

/** A key that is not there stands at its table's index, which other keys move: only values are bound to their index. */
function* disagreements(
  observations: readonly Observation[],
  changes: readonly Change[],
): Generator<string> {
  const known = new Map<string, string>()
  for (const { key, index, value } of changes)
    if (value !== null) known.set(`${key} ${index}`, value)
  for (const observation of observations) {
    const { key, index, value } = observation
    if (value === null) continue
    const at = `${key} ${index}`
    const before = known.get(at)
    if (before !== undefined && before !== value)
      yield `${name(observation)} saw ${value} at ${index}, where there is ${before}`
    known.set(at, value)
  }
}

function* missed(
  observations: readonly Observation[],
  changes: readonly Change[],
  wakeMax: number,
): Generator<string> {
  const byKey = Map.groupBy(
    changes.toSorted((a, b) => a.index - b.index),
    ({ key }) => key,
  )
  for (const observation of observations) {
    const { after, calledAt, index, returnedAt } = observation
    const ofKey = byKey.get(observation.key) ?? []
    const passed = ofKey.findLast((change) => change.index > index && change.returnedAt < calledAt)
    if (passed !== undefined)
      yield `${name(observation)} was told ${index} after ${passed.index} was acknowledged`
    const since = (change: Change): number => Math.max(change.returnedAt, calledAt)
    const slept = ofKey.find(
      (change) => change.index > after && since(change) + wakeMax < returnedAt,
    )
    if (slept !== undefined)
      yield `${name(observation)} slept for ${returnedAt - since(slept)} past ${slept.index}`
  }
}

function name({ watcher, key }: Observation): string {
  return `${watcher} on ${key}`
}
