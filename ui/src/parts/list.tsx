import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

import type { Live } from '../live.ts'

interface ListProps<Row> {
  readonly live: Live<readonly Row[]>
  readonly columns: readonly string[]
  /** What a row is found by when someone types into the filter. */
  readonly text: (row: Row) => string
  readonly cells: (row: Row) => readonly ComponentChildren[]
}

/** A table that stays true, with a filter above it. */
export function List<Row>({ live, columns, text, cells }: ListProps<Row>) {
  const [wanted, setWanted] = useState('')
  if (live.kind === 'waiting') return <p>…</p>
  if (live.kind === 'failed') return <p class="critical">{live.why}</p>
  const rows = live.value.filter((row) => text(row).toLowerCase().includes(wanted.toLowerCase()))
  return (
    <>
      <input
        type="search"
        placeholder="Filter"
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={text(row)}>
              {cells(row).map((cell, at) => (
                <td key={columns[at]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="count">
        {rows.length} of {live.value.length}
      </p>
    </>
  )
}
