import { formatDuration } from '../../../server/model/duration.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { encodeJson, indentJson } from '../../../server/model/json.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { lookAt, watchKinds } from '../../watch/kind.ts'
import type { Ask, View, WatchParameters } from '../../watch/kind.ts'
import { watch } from '../../watch/watcher.ts'
import { startChild } from '../child.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'
import { parseBool } from '../flags.ts'
import type { ParsedFlags } from '../flags.ts'
import { helpOf } from '../run.ts'

export const watchCommand: Command = {
  about: `Usage: praetor watch [options] [child...]

  Runs a program now and whenever something has changed, with how it is now as
  JSON on its standard input and CONSUL_INDEX in its environment:

      $ praetor watch -type=service -service=web ./update-proxy

  Ends when the program fails. Without a program, prints how it is now, once:

      $ praetor watch -type=key -key=app/mode`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        { name: 'key', kind: 'string', doc: 'The key, for the type key.' },
        { name: 'name', kind: 'string', doc: 'Only events of this name, for the type event.' },
        {
          name: 'passingonly',
          kind: 'string',
          doc: 'Whether only instances without a failing check count, for the type service: `[true|false]`.',
        },
        { name: 'prefix', kind: 'string', doc: 'What keys begin with, for the type keyprefix.' },
        { name: 'service', kind: 'string', doc: 'The service, for the types service and checks.' },
        {
          name: 'shell',
          kind: 'bool',
          doc: 'The program is a line for a shell, which is that of the environment variable SHELL.',
          initial: true,
        },
        { name: 'state', kind: 'string', doc: 'Only checks in this state, for the type checks.' },
        {
          name: 'tag',
          kind: 'string',
          optional: true,
          doc: 'Only instances with this tag, for the type service. May be given several times.',
        },
        {
          name: 'type',
          kind: 'string',
          doc: 'What to watch: key, keyprefix, services, nodes, service, checks or event.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const type = flags.value('type') ?? ''
    if (type === '') {
      io.err(`Watch type must be specified\n\n${helpOf(watchCommand)}`)
      return 1
    }
    refuseAgentOnly(type)
    const look = lookAt(type, parametersOf(flags))
    const client = await connectAgent(flags, io)
    await telling('Error querying Consul agent', client.demand('GET', '/v1/agent/self'))
    const ask: Ask = (path, query) => client.ask('GET', path, client.stale({ query }))
    const views = watch((after) => look(ask, after), {
      clock: systemClock,
      signal: io.interrupted,
      failed: ({ message }, retryMs) =>
        io.err(
          `${new Date().toISOString()} [ERROR] watch.watch: Watch errored: type=${type} error=${JSON.stringify(message)} retry=${formatDuration(retryMs)}\n`,
        ),
    })
    try {
      for await (const view of views) {
        if (flags.rest.length === 0) {
          io.out(indentJson(encodeJson(view.value)))
          return 0
        }
        const failure = await handle(view, flags, io)
        if (io.interrupted.aborted) return 0
        if (failure !== undefined) {
          io.err(`${failure}\n`)
          return 1
        }
      }
    } catch (error) {
      if (!io.interrupted.aborted) throw error
    }
    return 0
  },
}

/** What went wrong, if anything. */
async function handle(view: View, flags: ParsedFlags, io: Io): Promise<string | undefined> {
  const child = await telling(
    'Error starting handler',
    startChild(
      flags.rest,
      {
        shell: flags.value('shell') === undefined || flags.isTrue('shell'),
        env: { CONSUL_INDEX: view.index },
        input: Buffer.from(`${encodeJson(view.value)}\n`),
      },
      io,
    ),
  )
  const failure = await child.ended
  return failure === undefined ? undefined : `Error executing handler: ${failure}`
}

function refuseAgentOnly(type: string): void {
  const isAgentOnly = watchKinds.some(({ name, agentOnly }) => name === type && agentOnly === true)
  if (isAgentOnly || /^connect_(roots|leaf)$/.test(type))
    throw new PraetorError('bad-request', `Type ${type} is not supported in the CLI tool`)
}

/** What was said, and is something. */
function parametersOf(flags: ParsedFlags): WatchParameters {
  const texts = ['key', 'name', 'prefix', 'service', 'state'].map(
    (name) => [name, flags.value(name) ?? ''] as const,
  )
  const passingOnly = flags.value('passingonly') ?? ''
  const tags = flags.values('tag')
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== '')),
    ...(passingOnly === '' ? {} : { passingonly: isPassingOnly(passingOnly) }),
    ...(tags.length === 0 ? {} : { tag: tags }),
  }
}

function isPassingOnly(text: string): boolean {
  const parsed = parseBool(text)
  if (parsed === undefined)
    throw new PraetorError(
      'bad-request',
      `Failed to parse passingonly flag: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  return parsed
}
