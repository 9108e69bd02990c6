import type { QueryFilter } from '../wire/serf-messages.ts'

/** What filters look at: a member's own name and tags. */
export interface Filtered {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
}

/**
 * Whether a query is for this member: all filters hold. One that can't be understood holds for nobody, since nobody could say
 * whom it was to leave out.
 */
export function passes(
  filters: readonly QueryFilter[],
  { name, tags }: Filtered,
  compilePattern: (expression: string) => (text: string) => boolean,
): boolean {
  return filters.every((filter) => {
    switch (filter.kind) {
      case 'nodes':
        return filter.nodes.includes(name)
      case 'tag':
        return matches(filter.expression, tags[filter.tag] ?? '', compilePattern)
      default:
        return false
    }
  })
}

function matches(
  expression: string,
  text: string,
  compilePattern: (expression: string) => (text: string) => boolean,
): boolean {
  try {
    return compilePattern(expression)(text)
  } catch {
    return false
  }
}
