/** The rows of a map that pass, in the order of their keys, as Go prints maps. */
export function pick<Row>(
  rows: Readonly<Record<string, Row>>,
  passes: (row: Row) => boolean,
): Record<string, Row> {
  return Object.fromEntries(
    Object.entries(rows)
      .filter(([, row]) => passes(row))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}
