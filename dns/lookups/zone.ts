import { shuffled } from '../../server/runtime/chance.ts'
import { asBytes, soaRecord, types } from '../records.ts'
import type { DnsRecord } from '../records.ts'
import { nothing } from './lookup.ts'
import type { Found, LookupContext } from './lookup.ts'
import { recordsOfNode } from './node.ts'
import { healthy } from './service.ts'

const serversMax = 3
const serverService = 'consul'

/** SOA: the zone's, whichever name was asked, with its name servers beside it. */
export async function lookUpSoa(context: LookupContext): Promise<Found> {
  const { answers, additionals } = await lookUpNameServers(context)
  const soa = soaRecord(context.settings, context.ports.clock.wallMs())
  return { ...nothing, answers: [soa], authorities: answers, additionals }
}

/** NS: up to three servers, in random order, and their addresses. None where the cluster can't say: that's no failure. */
export async function lookUpNameServers(context: LookupContext): Promise<Found> {
  const { settings, ports } = context
  const servers = await readServers(context)
  const answers: DnsRecord[] = []
  const additionals: DnsRecord[] = []
  for (const { Node } of shuffled(servers, ports.chance)) {
    // Such a node has a name only below `node`, where dots may be part of a name; as a host name it is none.
    if (/[^A-Za-z0-9-]/.test(Node.Node)) continue
    const target = asBytes(`${Node.Node}.node.${Node.Datacenter}.${settings.domain}`).toLowerCase()
    const ttlSeconds = settings.nodeTtlSeconds
    answers.push({ type: 'NS', name: settings.domain, ttlSeconds, target })
    additionals.push(...(await recordsOfNode(context, Node, types.ANY, target)))
    if (answers.length === serversMax) break
  }
  return { ...nothing, answers, additionals }
}

async function readServers(context: LookupContext): Promise<ReturnType<typeof healthy>> {
  try {
    const { value } = await context.read('Health.ServiceNodes', { ServiceName: serverService }, '')
    return healthy(value, context.settings.onlyPassing)
  } catch (error) {
    context.ports.log.warn({ error }, 'unable to get the list of servers')
    return []
  }
}
