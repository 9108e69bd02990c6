import { unexpectedStatus } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const monitorCommand: Command = {
  about: `Usage: praetor monitor [options]

  Prints what the agent logs from now on, at a level of your own: the agent
  may be logging less than that.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        { name: 'log-json', kind: 'bool', doc: 'Prints lines as JSON.' },
        {
          name: 'log-level',
          kind: 'string',
          doc: 'The least level printed: trace, debug, info, warn or err.',
          initial: 'INFO',
        },
      ],
    },
  ],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const query = {
      loglevel: flags.value('log-level') ?? 'INFO',
      logjson: flags.isTrue('log-json') ? 'true' : undefined,
    }
    const response = await telling(
      'Error starting monitor',
      client.open('GET', '/v1/agent/monitor', { query }),
    )
    const chunks = response as AsyncIterable<Uint8Array>
    if (response.statusCode !== 200) {
      const body = Buffer.concat(await Array.fromAsync(chunks))
      const { message } = unexpectedStatus({ status: response.statusCode ?? 0, index: '0', body })
      io.err(`Error starting monitor: ${message}\n`)
      return 1
    }
    try {
      for await (const chunk of chunks) io.out(chunk)
    } catch (error) {
      if (!io.interrupted.aborted) io.err(`${(error as Error).message}\n`)
    }
    if (io.interrupted.aborted) return 0
    io.out(
      '\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.\n',
    )
    return 1
  },
}
