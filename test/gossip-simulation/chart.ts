/** Lines with error bars, as an SVG of its own: no script, no font to load, readable on light and dark pages. */
export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly isLogarithmic: boolean
  readonly lines: readonly Line[]
}

export interface Line {
  readonly name: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
  /** Between what the value lies; both NaN where nobody knows. */
  readonly low: number
  readonly high: number
}

export function drawChart(chart: Chart): string {
  const points = chart.lines.flatMap((line) => line.points)
  const xs = [...new Set(points.map(({ x }) => x))].toSorted((a, b) => a - b)
  const place = chart.isLogarithmic ? Math.log10 : (x: number): number => x
  const [first, last] = [place(xs[0] ?? 1), place(xs.at(-1) ?? 1)]
  const steps = ticks(Math.max(...points.flatMap(({ high, y }) => [y, high || 0])))
  const top = steps.at(-1) ?? 1
  const toX = (x: number): number =>
    left + ((place(x) - first) / (last - first || 1)) * (width - left - right)
  const toY = (y: number): number => height - bottom - (y / top) * (height - bottom - head)
  const frame = { toX, toY, xs, steps }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(left, 22, chart.title, 'font-size="15" font-weight="600"'),
    ...axes(chart, frame),
    ...chart.lines.flatMap((line, at) => drawLine(line, at, frame)),
    '</svg>',
    '',
  ].join('\n')
}

interface Frame {
  readonly toX: (x: number) => number
  readonly toY: (y: number) => number
  readonly xs: readonly number[]
  readonly steps: readonly number[]
}

function axes(chart: Chart, { toX, toY, xs, steps }: Frame): string[] {
  const middle = (left + width - right) / 2
  return [
    ...steps.flatMap((step) => [
      `<line x1="${left}" x2="${width - right}" y1="${at(toY(step))}" y2="${at(toY(step))}" stroke="#ddd"/>`,
      text(left - 8, toY(step) + 4, String(step), 'text-anchor="end"'),
    ]),
    ...xs.map((x) =>
      text(toX(x), height - bottom + 18, x.toLocaleString('en'), 'text-anchor="middle"'),
    ),
    text(middle, height - 12, chart.x, 'text-anchor="middle"'),
    `<g transform="rotate(-90 16 ${height / 2})">${text(16, height / 2, chart.y, 'text-anchor="middle"')}</g>`,
  ]
}

function drawLine({ name, points }: Line, place: number, { toX, toY }: Frame): string[] {
  const colour = colours[place % colours.length]
  const path = points.map(({ x, y }) => `${at(toX(x))},${at(toY(y))}`).join(' ')
  const bars = points
    .filter(({ high, low }) => high > low)
    .map(
      ({ x, high, low }) =>
        `<line x1="${at(toX(x))}" x2="${at(toX(x))}" y1="${at(toY(low))}" y2="${at(toY(high))}" stroke="${colour}"/>`,
    )
  const keyY = head + 16 * place
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...bars,
    ...points.map(
      ({ x, y }) => `<circle cx="${at(toX(x))}" cy="${at(toY(y))}" r="3" fill="${colour}"/>`,
    ),
    `<rect x="${width - right + 14}" y="${keyY - 9}" width="10" height="10" fill="${colour}"/>`,
    text(width - right + 30, keyY, name, ''),
  ]
}

/** Round numbers from 0 to above the highest, some five of them. */
function ticks(highest: number): number[] {
  const rough = (highest || 1) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  const count = Math.ceil((highest || 1) / step)
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(6)))
}

function text(x: number, y: number, words: string, attributes: string): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${at(x)}" y="${at(y)}" fill="#333" ${attributes}>${escaped}</text>`
}

const at = (value: number): string => value.toFixed(1)
const [width, height] = [720, 360]
const [left, right, head, bottom] = [64, 120, 44, 52]
/** Okabe and Ito's, which the colour-blind can tell apart. */
const colours = ['#d55e00', '#e69f00', '#0072b2', '#009e73']
