import { lanConfig, memberlistSwim, plainSwim } from '../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../server/gossip/swim/config.ts'
import type { SwimEvent } from '../../server/gossip/swim/events.ts'
import type { GossipMessage, StreamMessage } from '../../server/gossip/wire/messages.ts'
import { must } from '../../server/model/assert.ts'
import { aliveOf, SwimPool } from './swim-pool.ts'

/**
 * Runs a script of a pool's life and writes down what happened. A script is lines of three kinds: `# prose`, kept; `> command`,
 * carried out; and what followed, which is the expectation and is written anew at every run: after how many milliseconds, who sent
 * whom what (→ by datagram, ⇒ by stream), and who concluded what. A number after # is that of one ping and its answers.
 */
export function runSwimScript(text: string): string {
  const script = new Script()
  const written: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) {
      if (/^\s/.test(written.at(-1) ?? '')) written.push('')
      written.push(line, ...script.run(line.slice(2)))
    } else if (line.startsWith('#')) {
      if (written.length > 0 && !written.at(-1)?.startsWith('#')) written.push('')
      written.push(line)
    }
  }
  return `${written.join('\n')}\n`
}

class Script {
  #pool: SwimPool | null = null
  /** Whose doings are written down; null for everybody's. */
  #shown: ReadonlySet<string> | null = null
  #isHushed = false
  #beganMs = 0
  #told = new Map<string, number>()
  readonly #numbers = new Map<number, number>()
  #lines: string[] = []

  run(command: string): string[] {
    this.#lines = []
    this.#beganMs = this.#pool?.nowMs ?? 0
    const [verb = '', ...words] = command.trim().split(/\s+/)
    must(this.#verbs[verb], `no such command: ${verb}`)(words)
    return this.#lines
  }

  readonly #verbs: Readonly<Record<string, (words: readonly string[]) => void>> = {
    /** pool accrual|lifeguard|plain n1 n2 …: members who have known each other for ever, and each other's round trips. */
    pool: ([method = '', ...names]) => {
      const config = must(methods[method], `no such method: ${method}`)
      const pool = new SwimPool({ config: { ...config, pushPullIntervalMs: 0 } })
      pool.latencyMs = () => 1
      const known = names.map((name) => aliveOf(name))
      for (const self of known)
        pool.start(self, { known: known.filter(({ node }) => node !== self.node) })
      pool.run(30_000)
      pool.onDatagram = (from, to, messages, isLost) => {
        const said = messages.map((one) => this.#say(one)).join(', ')
        this.#writeSent([from, to], `${from} → ${to} ${said}`, isLost)
      }
      pool.onStream = (from, to, message, isLost) =>
        this.#writeSent([from, to], `${from} ⇒ ${to} ${this.#say(message)}`, isLost)
      this.#pool = pool
    },
    /** show n1 n2: from now on only what these send and are sent, and what they conclude or is concluded of them. */
    show: (names) => {
      this.#shown = names.length === 0 ? null : new Set(names)
    },
    /** hush: from now on only what is concluded. */
    hush: () => {
      this.#isHushed = true
    },
    /** run 500: that many milliseconds. */
    run: ([ms = '']) => {
      for (let passed = 0; passed < Number(ms); passed += 1) this.#advance(1)
    },
    /** await n1 suspects n2: until it holds it for suspect, alive, dead or left. */
    await: ([by = '', state = '', of = '']) => {
      const pool = this.#current
      const { core } = pool.node(by)
      while (core.member(of)?.state !== state) this.#advance(1)
    },
    crash: ([name = '']) => this.#current.crash(name),
    pause: ([name = '', ms = '']) => this.#current.pause(name, Number(ms)),
    /** cut n1 n2 datagrams: nothing gets from the one to the other. `*` is everybody. */
    cut: ([from = '', to = '', only = '']) => {
      const before = this.#current.isCut
      this.#current.isCut = (a, b, by) =>
        before(a, b, by) ||
        ((from === '*' || a === from) &&
          (to === '*' || b === to) &&
          (only !== 'datagrams' || by === 'datagram'))
    },
    mend: () => {
      this.#current.isCut = () => false
    },
    leave: ([name = '']) => this.#current.command(name, { kind: 'leave', ticket: 1 }),
    /** join n3 n1: n3 starts, for the first time or with everything forgotten, and asks n1. */
    join: ([name = '', by = '']) => {
      this.#told.delete(name)
      this.#current.start(aliveOf(name))
      const addresses = [this.#current.node(by).address]
      this.#current.command(name, { kind: 'join', ticket: 1, addresses })
    },
  }

  get #current(): SwimPool {
    return must(this.#pool, 'a script begins with a pool')
  }

  #advance(ms: number): void {
    this.#current.run(ms)
    for (const { name, events } of this.#current.nodes.values()) {
      for (const event of events.slice(this.#told.get(name) ?? 0)) {
        const said = describeEvent(event)
        const about = 'member' in event ? [event.member.name] : []
        if (said !== null) this.#write([name, ...about], `${name} ${said}`)
      }
      this.#told.set(name, events.length)
    }
  }

  #writeSent(who: readonly string[], line: string, isLost: boolean): void {
    if (!this.#isHushed) this.#write(who, isLost ? `${line} (lost)` : line)
  }

  #write(who: readonly string[], line: string): void {
    if (this.#shown !== null && !who.some((name) => this.#shown?.has(name))) return
    const ms = Math.floor(this.#current.nowMs - this.#beganMs)
    this.#lines.push(`${String(ms).padStart(7)}  ${line}`)
  }

  /** Numbers of pings are random; here they count from 1. */
  #number(sequence: number): string {
    const number = this.#numbers.get(sequence) ?? this.#numbers.size + 1
    this.#numbers.set(sequence, number)
    return `#${number}`
  }

  #say(message: GossipMessage | StreamMessage): string {
    switch (message.kind) {
      case 'ping':
      case 'ack':
      case 'nack':
        return `${message.kind} ${this.#number(message.sequence)}`
      case 'indirectPing':
        return `please ping ${message.node} ${this.#number(message.sequence)}`
      case 'alive':
        return `alive ${message.node}@${message.incarnation}`
      case 'suspect':
        return `suspect ${message.node}@${message.incarnation} (${message.from})`
      case 'dead':
        return message.node === message.from
          ? `left ${message.node}@${message.incarnation}`
          : `dead ${message.node}@${message.incarnation} (${message.from})`
      case 'pushPull':
        return `${message.join ? 'join' : 'push/pull'} of ${message.states.length}`
      default:
        return message.kind
    }
  }
}

const methods: Readonly<Record<string, SwimConfig>> = {
  accrual: lanConfig,
  lifeguard: memberlistSwim(lanConfig),
  plain: plainSwim(lanConfig),
}

function describeEvent(event: SwimEvent): string | null {
  switch (event.kind) {
    case 'joined':
      return `welcomes ${event.member.name}`
    case 'suspected':
      return `suspects ${event.member.name}${event.member.unconfirmed ? ' in private' : ''}, told by ${event.from}`
    case 'cleared':
      return `trusts ${event.member.name} again`
    case 'failed':
      return `buries ${event.member.name}${event.member.unconfirmed ? ' in private' : ''}`
    case 'left':
      return `sees ${event.member.name} gone`
    case 'degraded':
      return `${event.member.degraded ? 'reaches' : 'no longer reaches'} ${event.member.name} by stream alone`
    case 'joinDone':
      return `has joined ${event.joined}`
    case 'leaveDone':
      return event.told ? 'has told all that it leaves' : 'leaves without a word'
    default:
      return null
  }
}
