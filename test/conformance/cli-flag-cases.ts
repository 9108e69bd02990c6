import type { Flag } from '../../agent/cli/flags.ts'
import { commands } from '../../agent/cli/table.ts'
import type { Invocation } from './cli-cases.ts'

/** Commands that Consul 1.8 doesn't have. */
const ours = new Set(['operator autopilot state', 'operator raft transfer-leader', 'wal dump'])
/** Flags that all who ask an agent have are tried on one of them. */
const asking = 'kv get'

/** Every flag of every command without its value, and with values that can't be read. */
export async function flagCases(): Promise<Invocation[]> {
  const theirs = commands.filter(({ name }) => !ours.has(name))
  const cases = theirs.map(async (row) => {
    const { name } = row
    const { flags: groups } = await row.load()
    const flags = groups
      .filter(({ title }) => title === 'Command Options' || name === asking)
      .flatMap((group) => group.flags)
    return flags.flatMap((flag) => mistakes(flag).map((words) => [...name.split(' '), ...words]))
  })
  return (await Promise.all(cases)).flat().map((args) => ({ args }))
}

function mistakes({ name, kind }: Flag): string[][] {
  switch (kind) {
    case 'bool':
      return [[`-${name}=maybe`], [`--${name}=`]]
    case 'int':
    case 'uint':
      return [[`-${name}`], [`-${name}=x`], [`-${name}=99999999999999999999`], [`-${name}=-1x`]]
    case 'duration':
      return [[`-${name}`], [`-${name}=5`], [`-${name}=1y`], [`-${name}=`]]
    case 'pair':
      return [[`-${name}`], [`-${name}=x`]]
    default:
      return [[`-${name}`]]
  }
}
