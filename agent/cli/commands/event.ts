import { compilePattern } from '../../../server/filter/pattern.ts'
import { describeError, PraetorError } from '../../../server/model/errors.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { helpOf } from '../run.ts'

export const eventCommand: Command = {
  about: `Usage: praetor event [options] [payload]

  Fires an event of yours, which reaches every agent of the datacenter. It has
  a name, and may have a payload: both are short, for they travel by gossip.

      $ praetor event -name=deploy 1609030
      $ praetor event -name=restart -service='^web' -tag='^blue$'

  Whoever watches for it (see "praetor watch -type=event") is told, on the
  nodes that the regular expressions match.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        { name: 'name', kind: 'string', doc: 'The name of the event.' },
        {
          name: 'node',
          kind: 'string',
          doc: 'Only for nodes whose name matches this regular expression.',
        },
        {
          name: 'service',
          kind: 'string',
          doc: 'Only for nodes with a service whose id matches this regular expression.',
        },
        {
          name: 'tag',
          kind: 'string',
          doc: 'Only where that service has a tag that matches this regular expression.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const [name, node, service, tag] = ['name', 'node', 'service', 'tag'].map(
      (flag) => flags.value(flag) ?? '',
    ) as [string, string, string, string]
    const mistake = findMistake(name, flags.rest)
    if (mistake !== undefined) {
      io.err(`${mistake}\n\n${helpOf(eventCommand)}`)
      return 1
    }
    checkFilter('node', node)
    checkFilter('service', service)
    if (tag !== '' && service === '')
      throw new PraetorError('bad-request', 'Cannot provide tag filter without service filter.')
    checkFilter('tag', tag)
    const client = await connectAgent(flags, io)
    await telling('Error querying Consul agent', client.demand('GET', '/v1/agent/self'))
    const answer = await telling(
      'Error firing event',
      client.demand('PUT', `/v1/event/fire/${name}`, {
        query: said({ node, service, tag }),
        body: flags.rest[0] ?? '',
      }),
    )
    const { ID } = jsonOf(answer) as { readonly ID: string }
    io.out(`Event ID: ${ID}\n`)
    return 0
  },
}

function findMistake(name: string, payload: readonly string[]): string | undefined {
  if (name === '') return 'Event name must be specified'
  return payload.length > 1 ? 'Too many command line arguments.' : undefined
}

/** A filter that is none is known here already, before anybody is asked. */
function checkFilter(kind: string, expression: string): void {
  try {
    compilePattern(expression)
  } catch (error) {
    const reason = describeError(error)
    throw new PraetorError('bad-request', `Failed to compile ${kind} filter regexp: ${reason}`)
  }
}

function said(query: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
