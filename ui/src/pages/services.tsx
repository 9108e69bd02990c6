import { useLive } from '../live.ts'
import { Health } from '../parts/health.tsx'
import { List } from '../parts/list.tsx'

/** A row of `/v1/internal/ui/services`, as far as it is shown. */
interface ServiceSummary {
  readonly Name: string
  readonly Tags: readonly string[] | null
  readonly InstanceCount: number
  readonly ChecksPassing: number
  readonly ChecksWarning: number
  readonly ChecksCritical: number
}

export function Services() {
  const live = useLive<readonly ServiceSummary[]>('/internal/ui/services')
  return (
    <List
      live={live}
      columns={['Service', 'Health', 'Instances', 'Tags']}
      text={({ Name, Tags }) => `${Name} ${(Tags ?? []).join(' ')}`}
      cells={(row) => [
        row.Name,
        <Health
          key="health"
          passing={row.ChecksPassing}
          warning={row.ChecksWarning}
          critical={row.ChecksCritical}
        />,
        row.InstanceCount,
        (row.Tags ?? []).join(', '),
      ]}
    />
  )
}
