import type { HealthCheck } from '../../../server/model/check.ts'
import { useLive } from '../live.ts'
import { Health } from '../parts/health.tsx'
import { List } from '../parts/list.tsx'

/** A row of `/v1/internal/ui/nodes`, as far as it is shown. */
interface NodeSummary {
  readonly Node: string
  readonly Address: string
  readonly Services: readonly { readonly Service: string }[] | null
  readonly Checks: readonly HealthCheck[] | null
}

const count = ({ Checks }: NodeSummary, status: string): number =>
  (Checks ?? []).filter(({ Status }) => Status === status).length

export function Nodes() {
  const live = useLive<readonly NodeSummary[]>('/internal/ui/nodes')
  return (
    <List
      live={live}
      columns={['Node', 'Health', 'Address', 'Services']}
      text={({ Node, Address }) => `${Node} ${Address}`}
      cells={(row) => [
        row.Node,
        <Health
          key="health"
          passing={count(row, 'passing')}
          warning={count(row, 'warning')}
          critical={count(row, 'critical')}
        />,
        row.Address,
        (row.Services ?? []).map(({ Service }) => Service).join(', '),
      ]}
    />
  )
}
