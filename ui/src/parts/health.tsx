interface HealthProps {
  readonly passing: number
  readonly warning: number
  readonly critical: number
}

/** How many checks say what, as a bar and in words. */
export function Health({ passing, warning, critical }: HealthProps) {
  const total = Math.max(1, passing + warning + critical)
  const parts = [
    ['passing', passing],
    ['warning', warning],
    ['critical', critical],
  ] as const
  const words = parts.map(([name, count]) => `${count} ${name}`).join(', ')
  return (
    <span class="health" title={words} role="img" aria-label={words}>
      {parts.map(([name, count]) => (
        <i key={name} class={name} style={{ width: `${(count / total) * 100}%` }} />
      ))}
    </span>
  )
}
