import type { CommandTable } from './run.ts'

/**
 * What may stand where the cursor is, for a shell that asks as bash's `complete -C` does: with the line so far in COMP_LINE and
 * the cursor's place in COMP_POINT. Everything comes from the table of commands, so it can't be out of date.
 */
export async function complete(
  { line, point }: { readonly line: string; readonly point: number | undefined },
  { commands, groups }: CommandTable,
): Promise<readonly string[]> {
  const [, ...words] = line.slice(0, point).split(/\s+/)
  const begun = words.pop() ?? ''
  const typed = words.filter((word) => word !== '')
  const row = commands.find(({ name }) => isBeginning(name.split(' '), typed))
  if (row !== undefined) {
    if (!begun.startsWith('-')) return []
    const { flags } = await row.load()
    return startingWith(
      flags.flatMap((group) => group.flags.map(({ name }) => `-${name}`)),
      begun,
    )
  }
  const names = [...commands, ...groups].map(({ name }) => name.split(' '))
  const next = names.flatMap((name) => {
    const word = isBeginning(typed, name) ? name[typed.length] : undefined
    return word === undefined ? [] : [word]
  })
  return startingWith([...next, ...(typed.length === 0 ? globalFlags : [])], begun)
}

const globalFlags = ['-autocomplete-install', '-autocomplete-uninstall', '-help', '-version']

function isBeginning(beginning: readonly string[], words: readonly string[]): boolean {
  return beginning.every((word, at) => words[at] === word)
}

/** Flags are only offered to whoever began one. */
function startingWith(candidates: readonly string[], begun: string): string[] {
  return Array.from(new Set(candidates))
    .filter((word) => word.startsWith(begun) && (begun !== '' || !word.startsWith('-')))
    .toSorted()
}
