import { must } from '../../server/model/assert.ts'
import type { MembershipChange } from '../../server/raft/core/output.ts'
import { entriesOf, members, RaftCluster } from './raft-cluster.ts'
import type { Envelope } from './raft-cluster.ts'
import { describeId, describeMessage, describeOutput } from './raft-trace.ts'

/**
 * Runs a script of a cluster's life and writes down what happened. A script is lines of three kinds: `# prose`, kept; `> command`,
 * carried out; and what followed, which is the expectation and is written anew at every run.
 */
export function runScript(text: string): string {
  const script = new Script()
  const written: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) {
      if (written.at(-1) !== '' && !written.at(-1)?.startsWith('#')) written.push('')
      written.push(line, ...script.run(line.slice(2)))
    } else if (line.startsWith('#')) {
      if (written.length > 0 && !written.at(-1)?.startsWith('#')) written.push('')
      written.push(line)
    }
  }
  return `${written.join('\n')}\n`
}

type Options = ReadonlyMap<string, string>

class Script {
  #cluster: RaftCluster | null = null
  #ticket = 0
  #lines: string[] = []

  run(command: string): string[] {
    this.#lines = []
    const [verb = '', ...rest] = command.trim().split(/\s+/)
    const words = rest.filter((word) => !word.includes('='))
    const options = new Map(
      rest.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
    )
    const handler = must(this.#verbs[verb], `no such command: ${verb}`)
    handler(words, options)
    return this.#lines.map((line) => `  ${line}`)
  }

  readonly #verbs: Readonly<Record<string, (words: readonly string[], options: Options) => void>> =
    {
      /** cluster voters=1,2,3 [learners=4] [log.1=1,1,2] [term=3] [cold=yes]: all have the first entry, and unless cold may vote. */
      cluster: (_words, options) => {
        const membership = members(list(options.get('voters')), list(options.get('learners')))
        const logs = Object.fromEntries(
          [...options]
            .filter(([key]) => key.startsWith('log.'))
            .map(([key, terms]) => [key.slice(4), entriesOf(list(terms).map(Number))]),
        )
        const config: Record<string, number> = {}
        for (const key of ['inflightMessagesMax', 'appendEntriesMax', 'trailingEntries'])
          if (options.has(key)) config[key] = Number(options.get(key))
        const chunkBytes = Number(options.get('chunkBytes') ?? 1 << 20)
        const term = Number(options.get('term') ?? 0)
        const cluster = new RaftCluster({ membership, logs, config, chunkBytes, term })
        this.#cluster = cluster
        if (options.get('cold') !== 'yes') for (const id of cluster.nodes.keys()) this.#start(id)
        this.#watch()
      },
      /** add 4: a new server that knows nothing. */
      add: ([id = '']) => {
        this.#current.add(id, { empty: true })
        this.#start(id)
        this.#watch()
      },
      /** tick 1 100: milliseconds, for one server or for `all`. */
      tick: ([who = '', ms = '']) => {
        for (const id of this.#ids(who)) this.#current.tick(id, Number(ms))
      },
      /** campaign 1: time passes for it alone until it asks for votes. */
      campaign: ([id = '']) => {
        const { core } = this.#current.node(id)
        for (let waitedMs = 0; waitedMs < 4000; waitedMs += 50) {
          const before = core.status()
          this.#current.tick(id, 50)
          const after = core.status()
          if (after.role !== 'follower' && after.role !== before.role) return
        }
        this.#say(`${id} does not campaign`)
      },
      propose: ([id = '', ...payloads]) => {
        const events = payloads.map((payload) => {
          this.#ticket += 1
          const ticket = this.#ticket
          return { kind: 'propose', ticket, payload: new TextEncoder().encode(payload) } as const
        })
        this.#current.turn(id, ...events)
      },
      /** change 1 voter=4 learner=5 remove=2 */
      change: ([id = ''], options) => {
        const changes = [...options].flatMap(([key, ids]) =>
          list(ids).map((who) => change(key, who)),
        )
        this.#ticket += 1
        this.#current.turn(id, { kind: 'proposeMembership', ticket: this.#ticket, changes })
      },
      read: ([id = '']) => {
        this.#ticket += 1
        this.#current.turn(id, { kind: 'readIndex', ticket: this.#ticket })
      },
      transfer: ([id = '', to]) => {
        this.#current.turn(id, { kind: 'transfer', to: to ?? null })
      },
      unreachable: ([id = '', to = '']) => {
        this.#current.turn(id, { kind: 'unreachable', to })
      },
      snapshot: ([id = '']) => {
        this.#current.saveSnapshot(id)
      },
      /** write 1 [2]: batches made durable. */
      write: ([id = '', count = '1']) => {
        for (let left = Number(count); left > 0; left -= 1) this.#current.write(id)
      },
      apply: ([id = '']) => {
        this.#current.apply(id)
      },
      /** serve 1: reads or writes one piece of a snapshot. */
      serve: ([id = '']) => {
        this.#current.chore(id)
      },
      /** deliver 2 [from=1] [kind=append] [count=1]: the oldest messages to it that match. */
      deliver: ([to = ''], options) => {
        const count = Number(options.get('count') ?? Infinity)
        for (const envelope of this.#matching(to, options).slice(0, count))
          this.#current.deliver(envelope)
      },
      drop: ([to = ''], options) => {
        const lost = this.#matching(to, options)
        this.#current.drop((envelope) => lost.includes(envelope))
        for (const { from, message } of lost)
          this.#say(`${from} ↛ ${to} ${describeMessage(message)}`)
      },
      /** settle [1 2]: everything that needs no time, with messages only between those named. */
      settle: (ids) => {
        const among = new Set(ids)
        const passes = ({ from, to }: Envelope): boolean =>
          among.size === 0 || (among.has(from) && among.has(to))
        this.#current.settle(passes)
      },
      /** quietly COMMAND…: does it and says nothing. */
      quietly: (words, options) => {
        const rest = [...options].map(([key, value]) => `${key}=${value}`)
        this.run([...words, ...rest].join(' '))
        this.#lines = []
      },
      isolate: ([id = '']) => this.#current.isolate(id),
      heal: () => this.#current.heal(),
      crash: ([id = '']) => this.#current.crash(id),
      restart: ([id = '']) => {
        this.#current.restart(id)
        this.#start(id)
      },
      log: ([who = '']) => {
        for (const id of this.#ids(who)) {
          const { disk } = this.#current.node(id)
          const from = disk.firstIndex()
          const terms: string[] = []
          for (let index = from; index <= disk.lastIndex(); index += 1)
            terms.push(describeId(disk.entry(index)))
          this.#say(`${id} holds ${terms.join(' ')}`)
        }
      },
      status: ([who = 'all']) => {
        for (const id of this.#ids(who)) {
          const { role, term, commitIndex, appliedIndex, lastIndex, progress } = this.#current
            .core(id)
            .status()
          const at = `committed ${commitIndex} applied ${appliedIndex} last ${lastIndex}`
          this.#say(`${id} ${role} term ${term} ${at}`)
          for (const [peer, { state, match, next, paused, inflights }] of progress) {
            const flow = `${paused ? ' paused' : ''}${inflights.count > 0 ? ` inflight ${inflights.count}` : ''}`
            this.#say(`  ${peer} ${state} match ${match} next ${next}${flow}`)
          }
        }
      },
      lease: ([id = '']) => {
        const lease = this.#current.core(id).lease()
        const leftMs = (lease?.untilMs ?? 0) - this.#current.node(id).nowMs
        this.#say(lease === null ? `${id} has no lease` : `${id} has a lease for ${leftMs} ms`)
      },
    }

  get #current(): RaftCluster {
    return must(this.#cluster, 'a script begins with `cluster`')
  }

  /** Past the time in which a server owes its vote to a leader from before it started. */
  #start(id: string): void {
    const { observe } = this.#current
    this.#current.observe = () => {}
    this.#current.tick(id, 50)
    if (this.#current.core(id).status().role === 'follower')
      this.#current.tick(id, this.#current.config(id).electionTimeoutMinMs)
    this.#current.observe = observe
  }

  #watch(): void {
    this.#current.observe = ({ node, events, output }) => {
      for (const event of events)
        if (event.kind === 'message')
          this.#say(`${node.id} ← ${event.from} ${describeMessage(event.message)}`)
      for (const line of describeOutput(node.id, output)) this.#say(`  ${line}`)
    }
  }

  #matching(to: string, options: Options): Envelope[] {
    const [from, kind] = [options.get('from'), options.get('kind')]
    return this.#current.network.filter(
      (envelope) =>
        envelope.to === to &&
        (from === undefined || envelope.from === from) &&
        (kind === undefined || envelope.message.kind === kind),
    )
  }

  #ids(who: string): readonly string[] {
    return who === 'all' ? [...this.#current.nodes.keys()] : list(who)
  }

  #say(line: string): void {
    this.#lines.push(line)
  }
}

function change(key: string, id: string): MembershipChange {
  if (key === 'remove') return { kind: 'remove', id }
  const kind = key === 'voter' ? 'addVoter' : 'addLearner'
  return { kind, id, address: `${id}:8300` }
}

function list(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split(',')
}
