import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import type { Io } from './command.ts'

export const setupFlags = ['-autocomplete-install', '-autocomplete-uninstall'] as const

/** Where a shell is told how a program completes its arguments. */
interface Shell {
  /** Under the home directory. */
  readonly file: string
  /** The shell is somebody's if this is there, under the home directory. */
  readonly sign: string
  /** In a file of others, or a file of our own. */
  readonly isOurs: boolean
  readonly text: (program: string) => string
}

const shells: readonly Shell[] = [
  {
    file: '.bashrc',
    sign: '.bashrc',
    isOurs: false,
    text: (program) => `complete -C ${quote(program)} praetor\n`,
  },
  {
    file: '.zshrc',
    sign: '.zshrc',
    isOurs: false,
    text: (program) =>
      `autoload -U +X bashcompinit && bashcompinit\ncomplete -o nospace -C ${quote(program)} praetor\n`,
  },
  {
    file: '.config/fish/completions/praetor.fish',
    sign: '.config/fish',
    isOurs: true,
    text: (program) => `function __complete_praetor
    set -lx COMP_LINE (commandline -cp)
    ${program}
end
complete -f -c praetor -a "(__complete_praetor)"
`,
  },
]

/**
 * Carries out `-autocomplete-install` or `-autocomplete-uninstall` for each shell that the user of this home directory has set
 * up. `program` is what a shell runs to ask for completions. Returns the exit code.
 */
export function setUpCompletion(
  words: readonly string[],
  { home, program }: { readonly home: string; readonly program: string },
  io: Pick<Io, 'err'>,
): number {
  const [installs, uninstalls] = setupFlags.map((flag) => words.includes(flag))
  if (installs === true && uninstalls === true) {
    io.err(
      'Error executing CLI: Either the autocomplete install or uninstall flag may be specified, but not both.\n',
    )
    return 1
  }
  const faults = shells
    .filter(({ sign }) => existsSync(join(home, sign)))
    .flatMap((shell) => {
      const path = join(home, shell.file)
      const text = shell.text(program)
      return installs === true ? install(shell, path, text) : uninstall(shell, path, text)
    })
  if (faults.length === 0) return 0
  const count = `${faults.length} error${faults.length === 1 ? '' : 's'} occurred`
  io.err(`Error executing CLI: ${count}:\n${faults.map((one) => `\t* ${one}\n`).join('')}\n\n`)
  return 1
}

function install({ isOurs }: Shell, path: string, text: string): string[] {
  if (contentOf(path).includes(text)) return [`already installed in ${path}`]
  mkdirSync(dirname(path), { recursive: true })
  if (isOurs) writeFileSync(path, text)
  else appendFileSync(path, `\n${text}`)
  return []
}

function uninstall({ isOurs }: Shell, path: string, text: string): string[] {
  const content = contentOf(path)
  if (!content.includes(text)) return [`not installed in ${path}`]
  if (isOurs) rmSync(path)
  else writeFileSync(path, content.replace(`\n${text}`, ''))
  return []
}

function contentOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** For a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
