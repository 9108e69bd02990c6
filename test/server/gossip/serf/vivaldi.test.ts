import fc from 'fast-check'
import t from 'tap'

import { vivaldiDefaults, Vivaldi } from '../../../../server/gossip/serf/vivaldi.ts'
import { isValid, origin, roundTripSeconds } from '../../../../server/model/coordinate.ts'
import type { Coordinate } from '../../../../server/model/coordinate.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'
import type { Chance } from '../../../../server/runtime/chance.ts'

const seed = Number(process.env['SEED'] ?? 1)

/** Round trips between nodes, in seconds. */
type Truth = (a: number, b: number) => number

interface World {
  readonly nodes: readonly Vivaldi[]
  readonly truth: Truth
  readonly chance: Chance
}

function world(
  size: number,
  truth: Truth,
  given: { seed?: number; dimensions?: number } = {},
): World {
  const chance = seededChance(given.seed ?? seed)
  const start = { ...origin, Vec: Array.from({ length: given.dimensions ?? 8 }, () => 0) }
  const nodes = Array.from({ length: size }, () => new Vivaldi(chance, vivaldiDefaults, start))
  return { nodes, truth: (a, b) => truth(Math.min(a, b), Math.max(a, b)), chance }
}

/** In each cycle every node measures one other, by chance. */
function run({ nodes, truth, chance }: World, cycles: number): void {
  for (let cycle = 0; cycle < cycles; cycle += 1)
    for (const [at, node] of nodes.entries()) {
      const other = Math.floor(chance.fraction() * nodes.length)
      const peer = nodes[other]
      if (peer && other !== at) node.measure(`node_${other}`, peer.coordinate, truth(at, other))
    }
}

/** How wrong the estimates are, relative to the truth. */
function errors({ nodes, truth }: World): { readonly mean: number; readonly max: number } {
  const found: number[] = []
  for (const [a, one] of nodes.entries())
    for (const [b, other] of nodes.entries()) {
      if (b <= a) continue
      const actual = truth(a, b)
      found.push(Math.abs(roundTripSeconds(one.coordinate, other.coordinate) - actual) / actual)
    }
  return { mean: found.reduce((sum, one) => sum + one, 0) / found.length, max: Math.max(...found) }
}

const line: Truth = (a, b) => (b - a) * 0.01
const grid: Truth = (a, b) =>
  Math.hypot((b % 5) - (a % 5), Math.floor(b / 5) - Math.floor(a / 5)) * 0.01
/** Two sites: a millisecond within each, ten more between them. */
const split: Truth = (a, b) => (a <= 12 && b > 12 ? 0.011 : 0.001)

t.test("nodes find where they stand as exactly as Serf's do", async (t) => {
  // Serf's own bounds, which it holds for one seed of its generator; ours are held by the median of five.
  const cases: readonly [name: string, size: number, truth: Truth, mean: number, max: number][] = [
    ['a line', 10, line, 0.0031, 0.0092],
    ['a grid', 25, grid, 0.0016, 0.022],
    ['two sites', 25, split, 0.00006, 0.00048],
    ['by chance', 25, normalTruth(25, 0.1, 0.01), 0.075, 0.33],
  ]
  for (const [name, size, truth, mean, max] of cases) {
    const found = [0, 1, 2, 3, 4].map((more) => {
      const nodes = world(size, truth, { seed: seed + more })
      run(nodes, 1000)
      return errors(nodes)
    })
    const meanFound = median(found.map((one) => one.mean))
    const maxFound = median(found.map((one) => one.max))
    t.ok(
      meanFound <= 1.2 * mean,
      `${name}: ${meanFound}, Serf ${mean} on the average, seed ${seed}`,
    )
    t.ok(maxFound <= 1.5 * max, `${name}: ${maxFound}, Serf ${max} at worst, seed ${seed}`)
  }
})

t.test('what is as far from all others is above them', async (t) => {
  const radius = 0.1
  const around = 24
  const circle: Truth = (a, b) => {
    const angle = (at: number): number => (2 * Math.PI * at) / around
    return a === 0
      ? 2 * radius
      : radius *
          Math.hypot(
            Math.cos(angle(b)) - Math.cos(angle(a)),
            Math.sin(angle(b)) - Math.sin(angle(a)),
          )
  }
  const nodes = world(around + 1, circle, { dimensions: 2 })
  run(nodes, 1000)
  const [above, ...others] = nodes.nodes.map(({ coordinate }) => coordinate.Height)
  t.ok((above ?? 0) > 0.97 * radius, `seed ${seed}`)
  t.ok(median(others) < 0.03 * radius, `seed ${seed}`)
})

t.test('the origin pulls back what drifted', async (t) => {
  // A square with one longer side to keep it moving, all of it in the first quadrant.
  const truth: Truth = (a, b) => (a === 0 && b === 2 ? 0.5 * Math.SQRT2 : 0.5)
  const chance = seededChance(seed)
  const nodes = [
    [0, 0],
    [0, 0.5],
    [0.5, 0.5],
    [0.5, 0.5],
  ].map((Vec) => new Vivaldi(chance, vivaldiDefaults, { ...origin, Vec }))
  const square: World = { nodes, truth: (a, b) => truth(Math.min(a, b), Math.max(a, b)), chance }
  const fromCentre = (): number =>
    Math.hypot(
      ...[0, 1].map((axis) => {
        const values = nodes.map(({ coordinate }) => coordinate.Vec[axis] ?? 0)
        return (Math.min(...values) + Math.max(...values)) / 2
      }),
    )
  run(square, 1000)
  const before = fromCentre()
  run(square, 10_000)
  t.ok(fromCentre() < 0.8 * before, `${fromCentre()} < 0.8 * ${before}, seed ${seed}`)
})

t.test('what can not be is refused and moves nobody', async (t) => {
  const node = new Vivaldi(seededChance(seed))
  const cases: readonly [what: string, other: Coordinate, seconds: number][] = [
    ['a negative time', origin, -0.001],
    ['more than ten seconds', origin, 10.001],
    ['no number', origin, Number.NaN],
    ['other dimensions', { ...origin, Vec: [0, 0] }, 0.01],
    ['a place that is no number', { ...origin, Vec: [Number.NaN, 0, 0, 0, 0, 0, 0, 0] }, 0.01],
    ['an infinite height', { ...origin, Height: Number.POSITIVE_INFINITY }, 0.01],
  ]
  for (const [what, other, seconds] of cases) {
    t.equal(node.measure('other', other, seconds), 'refused', what)
    t.equal(node.coordinate, origin, what)
  }
  t.equal(node.measure('other', origin, 0), 'moved', 'a coarse clock measures no time at all')
})

t.test('an outlier among the last three measurements of a node does not count', async (t) => {
  const [calm, hit] = [new Vivaldi(seededChance(seed)), new Vivaldi(seededChance(seed))]
  const other = { ...origin, Vec: [0.1, 0, 0, 0, 0, 0, 0, 0], Error: 0.1 }
  for (const node of [calm, hit]) for (const _ of [1, 2]) node.measure('other', other, 0.05)
  calm.measure('other', other, 0.05)
  hit.measure('other', other, 9)
  t.strictSame(hit.coordinate, calm.coordinate)
  hit.forget('other')
  hit.measure('other', other, 9)
  t.ok(
    hit.coordinate.Vec[0] !== calm.coordinate.Vec[0],
    'of a node that is forgotten there is no median',
  )
})

t.test('wherever it is moved to, it stays a place', async () => {
  const number = fc.double({ min: -1e308, max: 1e308, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          Vec: fc.array(number, { minLength: 8, maxLength: 8 }),
          Error: number,
          Adjustment: number,
          Height: number,
          seconds: fc.double({ min: 0, max: 10, noNaN: true }),
        }),
        { maxLength: 20 },
      ),
      (steps) => {
        const node = new Vivaldi(seededChance(seed))
        for (const { seconds, ...other } of steps) {
          node.measure('other', other, seconds)
          if (!isValid(node.coordinate) || node.coordinate.Vec.length !== 8) return false
        }
        return true
      },
    ),
  )
})

function normalTruth(size: number, mean: number, deviation: number): Truth {
  const chance = seededChance(seed)
  // Box and Muller: two uniform numbers make a normal one.
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - chance.fraction())) * Math.cos(2 * Math.PI * chance.fraction())
  const rows = Array.from({ length: size }, () =>
    Array.from({ length: size }, () => mean + deviation * normal()),
  )
  return (a, b) => rows[a]?.[b] ?? mean
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
