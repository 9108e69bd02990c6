import { useLive } from '../live.ts'
import { List } from '../parts/list.tsx'

export function Keys() {
  const live = useLive<readonly string[]>('/kv/?keys')
  return <List live={live} columns={['Key']} text={(key) => key} cells={(key) => [key]} />
}
