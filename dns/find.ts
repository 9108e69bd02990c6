import type { ReadMethod, ReadMethods, ReadReply } from '../server/model/methods.ts'
import { nothing, notFound } from './lookups/lookup.ts'
import type { Asked, Found, LookupContext } from './lookups/lookup.ts'
import { lookUpReverse } from './lookups/reverse.ts'
import type { ReverseIndex } from './lookups/reverse.ts'
import { lookUp } from './lookups/table.ts'
import { lookUpNameServers, lookUpSoa } from './lookups/zone.ts'
import { parseName } from './name.ts'
import type { DnsPorts } from './ports.ts'
import type { Question } from './question.ts'
import { soaRecord, types } from './records.ts'
import type { DnsRecord } from './records.ts'
import type { Recursors } from './recursors.ts'
import type { DnsSettings } from './settings.ts'
import type { Zone, ZoneOf } from './zone.ts'

/** Aliases that are names of ours are followed this far, and this many for one question. */
const aliasDepthMax = 3
const aliasesMax = 32
/** So many of the records that an alias leads to are passed on. */
const aliasRecordsMax = 5
/** Answers staler than this are counted: a server that heard so long nothing of its leader is worth knowing of. */
const staleCountedMs = 5000

/**
 * What is known about a name of ours, or about an address: `undefined` where nobody here has the address. Rejects with what the
 * cluster said when it couldn't be asked.
 */
export type Find = (question: Question, zone: OwnZone) => Promise<Found | undefined>
export type OwnZone = Exclude<Zone, { kind: 'foreign' }>

export function createFind(
  ports: DnsPorts,
  settings: DnsSettings,
  { zoneOf, recursors }: { readonly zoneOf: ZoneOf; readonly recursors: Recursors },
): Find {
  const read = createRead(ports, settings)
  const reverseIndex: ReverseIndex = new WeakMap()

  return async (question, zone) => {
    const context = newContext()
    if (zone.kind === 'reverse') return findReverse(context, question)
    // These are about the zone, whichever name is asked; a name that can't exist is so for all other types.
    if (question.type === types.SOA) return lookUpSoa(context)
    if (question.type === types.NS) return lookUpNameServers(context)
    if (question.type === types.AXFR) return { ...nothing, rcode: 'NOTIMP' }
    return question.isPlain ? findBelow(context, question, zone.below) : notFound
  }

  async function findReverse(
    context: LookupContext,
    question: Question,
  ): Promise<Found | undefined> {
    const found = await lookUpReverse(context, question, reverseIndex)
    if (found === undefined || question.type !== types.SOA) return found
    return { ...found, authorities: [soaRecord(settings, ports.clock.wallMs())] }
  }

  /** For one question: it counts the aliases that are followed for it. */
  function newContext(): LookupContext {
    let followed = 0
    const contextAt = (depth: number): LookupContext => ({
      ports,
      settings,
      read,
      resolve: async (name) => {
        if (followed === aliasesMax) return []
        followed += 1
        return (await ledTo(name, depth))
          .filter(({ type }) => type === 'A' || type === 'AAAA' || type === 'CNAME')
          .slice(0, aliasRecordsMax)
      },
    })
    const ledTo = async (name: string, depth: number): Promise<readonly DnsRecord[]> => {
      const asked: Asked = { name, labels: name.toLowerCase().split('.'), type: types.ANY }
      const zone = zoneOf(asked.labels)
      if (zone.kind !== 'domain') return recursors.lookUp(name)
      if (depth === aliasDepthMax) return []
      const { answers, isCuttable } = await findBelow(contextAt(depth + 1), asked, zone.below)
      return isCuttable === true ? answers.slice(0, settings.udpAnswerLimit) : answers
    }
    return contextAt(0)
  }
}

async function findBelow(
  context: LookupContext,
  asked: Asked,
  below: readonly string[],
): Promise<Found> {
  const form = parseName(below, asked.type === types.SRV)
  return form === undefined ? notFound : lookUp(context, asked, form)
}

/** Reads from any server where stale answers are allowed, and asks the leader again if the answer was too stale. */
function createRead(ports: DnsPorts, settings: DnsSettings): LookupContext['read'] {
  const consistency = settings.allowStale ? 'stale' : 'default'
  return async <M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    datacenter: string,
  ): Promise<ReadReply<ReadMethods[M]['reply']>> => {
    const reply = await ports.rpc.read(method, args, { datacenter, consistency })
    const { lastContactMs } = reply.meta
    if (!settings.allowStale || lastContactMs <= staleCountedMs) return reply
    ports.metrics.count('dns.stale_queries')
    if (lastContactMs <= settings.maxStaleMs) return reply
    return ports.rpc.read(method, args, { datacenter, consistency: 'default' })
  }
}
