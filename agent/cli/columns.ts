/** Rows as columns, each as wide as its widest cell and two spaces; nothing follows the last cell of a row. */
export function formatColumns(rows: readonly (readonly string[])[]): string {
  return format(
    rows.map((row) => row.map((cell) => cell.trim())),
    2,
  )
}

/** Names and what they stand for, six spaces apart. Nothing follows the last name where it stands for nothing. */
export function formatPairs(rows: readonly (readonly [string, string])[]): string {
  const last = rows.at(-1)
  return last?.[1] === '' ? format([...rows.slice(0, -1), [last[0]]], 6) : format(rows, 6)
}

function format(rows: readonly (readonly string[])[], gap: number): string {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
    })
  const pad = (cell: string, column: number, row: readonly string[]): string =>
    column === row.length - 1
      ? cell
      : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell) + gap)
  return rows.map((row) => row.map(pad).join('')).join('\n')
}

/** In characters, as a terminal of Latin letters has them. */
function widthOf(cell: string): number {
  return Array.from(cell).length
}
