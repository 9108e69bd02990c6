import { parseDuration } from '../../../server/model/duration.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { sleep, systemClock } from '../../../server/runtime/clock.ts'
import { jsonOf } from '../../answer.ts'
import { callKey, encodeCall, encodeJob, execEventName, jobName } from '../../exec/job.ts'
import type { Job } from '../../exec/job.ts'
import { readData } from '../arguments.ts'
import { audienceFlags, audienceOf, fireEvent } from '../audience.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'
import { listen } from '../exec/listener.ts'
import type { ParsedFlags } from '../flags.ts'
import { deleteKeys, putKey } from '../kv-client.ts'
import { farewellMs, holdSession } from '../lock/session.ts'
import type { HeldSession } from '../lock/session.ts'
import { helpOf } from '../run.ts'

const waitDefault = '2s'
const replicationWaitDefault = '200ms'

export const execCommand: Command = {
  about: `Usage: praetor exec [options] [-|command...]

  Runs a command on every node of the datacenter, or those that the regular
  expressions match, and prints what it says there:

      $ praetor exec -service='^web$' uptime

  With "-", what is read from standard input is run as a script. Agents run
  nothing for anybody unless their configuration has disable_remote_exec =
  false. A command ends where we do.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        ...audienceFlags,
        {
          name: 'prefix',
          kind: 'string',
          doc: 'What the keys begin with by which we and the agents tell each other.',
          initial: execEventName,
        },
        {
          name: 'shell',
          kind: 'bool',
          doc: 'The command is a line for a shell.',
          initial: true,
        },
        { name: 'verbose', kind: 'bool', doc: 'Says what is being done.' },
        {
          name: 'wait',
          kind: 'duration',
          doc: 'How long to wait where nothing comes; four times as long while a command still runs.',
          initial: waitDefault,
        },
        {
          name: 'wait-repl',
          kind: 'duration',
          doc: 'How long to wait before the event is fired, so that every server has the job by then.',
          initial: replicationWaitDefault,
        },
      ],
    },
  ],
  async run(flags, io) {
    const job = await jobOf(flags, io)
    if (job === undefined) {
      io.err(`Must specify a command to execute\n\n${helpOf(execCommand)}`)
      return 1
    }
    const audience = audienceOf(flags)
    const client = await connectAgent(flags, io)
    const tell = flags.isTrue('verbose') ? (line: string) => io.out(`${line}\n`) : () => undefined
    await using stack = new AsyncDisposableStack()
    const self = await telling('Error querying Consul agent', selfOf(client))
    const session = await telling('Failed to create session', openSession(client, self, tell))
    const call = { prefix: flags.value('prefix') ?? execEventName, session: session.id }
    // The session goes first: nobody can write below the key any more when that is deleted.
    stack.defer(() => forget(client, callKey(call)))
    stack.use(session)
    tell(`Created remote execution session: ${session.id}`)
    try {
      await telling(
        'Failed to create job file',
        upload(client, callKey(call, jobName), job, call.session),
      )
      tell('Uploaded remote execution spec')
      await sleep(
        systemClock,
        durationOf(flags, 'wait-repl', replicationWaitDefault),
        io.interrupted,
      )
      const id = await telling(
        'Failed to fire event',
        fireEvent(client, execEventName, audience, encodeCall(call)),
      )
      tell(`Fired remote execution event: ${id}`)
      return await listen(client, io, {
        directory: `${callKey(call)}/`,
        waitMs: job.waitMs,
        isVerbose: flags.isTrue('verbose'),
      })
    } catch (error) {
      if (io.interrupted.aborted && (error as Error).name === 'AbortError') return 1
      throw error
    }
  },
}

/** Undefined where there is none. */
async function jobOf(flags: ParsedFlags, io: Io): Promise<Job | undefined> {
  const isShell = flags.value('shell') === undefined || flags.isTrue('shell')
  const line = flags.rest.join(' ')
  const isScript = line === '-'
  if (isScript && !isShell)
    throw new PraetorError('bad-request', 'Cannot configure -shell=false when reading from stdin')
  const script = isScript ? await readData('-', io) : new Uint8Array()
  if (isScript ? script.length === 0 : line === '' && (isShell || flags.rest.length === 0))
    return undefined
  return {
    command: isShell && !isScript ? line : '',
    args: isShell ? [] : flags.rest,
    script,
    waitMs: durationOf(flags, 'wait', waitDefault),
  }
}

function durationOf(flags: ParsedFlags, name: string, initial: string): number {
  const parsed = parseDuration(flags.value(name) ?? initial)
  return parsed.ok ? parsed.ms : 0
}

interface Self {
  readonly Datacenter: string
  readonly NodeName: string
}

async function selfOf(client: ApiClient): Promise<Self> {
  const answer = await client.demand('GET', '/v1/agent/self')
  return (jsonOf(answer) as { readonly Config: Self }).Config
}

/** In another data centre the session is one of a node there, since our agent isn't known to its servers. */
async function openSession(
  client: ApiClient,
  self: Self,
  tell: (line: string) => void,
): Promise<HeldSession> {
  const { dc } = client.settings.query
  const body = { Name: 'Remote Exec', Behavior: 'delete' } as const
  if (dc === undefined || dc === self.Datacenter) return holdSession(client, body, systemClock)
  tell('Remote exec in foreign datacenter, using Session TTL')
  const Node = await findServer(client)
  tell(`Binding session to remote node ${Node}@${String(dc)}`)
  const Name = `Remote Exec via ${self.NodeName}@${self.Datacenter}`
  return holdSession(client, { ...body, Name, Node, NodeChecks: [] }, systemClock)
}

async function findServer(client: ApiClient): Promise<string> {
  const failure = 'Failed to find Consul server in remote datacenter'
  const query = { passing: '1' }
  const answer = await telling(
    failure,
    client.demand('GET', '/v1/health/service/consul', { query }),
  )
  const [server] = jsonOf(answer) as readonly { readonly Node: { readonly Node: string } }[]
  if (server === undefined) throw new PraetorError('failed', failure)
  return server.Node.Node
}

async function upload(client: ApiClient, key: string, job: Job, session: string): Promise<void> {
  const isOurs = await putKey(client, key, { query: { acquire: session }, body: encodeJob(job) })
  if (!isOurs) throw new PraetorError('failed', `failed to acquire key ${key}`)
}

/** Without this it is gone when the session is, by itself. */
async function forget(client: ApiClient, key: string): Promise<void> {
  const signal = AbortSignal.timeout(farewellMs)
  await deleteKeys(client, key, { query: { recurse: '' }, signal }).catch(() => undefined)
}
