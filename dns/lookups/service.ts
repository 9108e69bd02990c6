import type { ServiceNode } from '../../server/model/check.ts'
import type { ReadMethods } from '../../server/model/methods.ts'
import { shuffled } from '../../server/runtime/chance.ts'
import { nodeAddress, parseIp, serviceAddress } from '../address.ts'
import type { Form } from '../name.ts'
import { addressLabel, addressRecord, asBytes, metaRecords, types, weightOf } from '../records.ts'
import type { DnsRecord } from '../records.ts'
import { serviceTtlSeconds } from '../ttl.ts'
import { notFound } from './lookup.ts'
import type { Asked, AddressPool, Found, Lookup, LookupContext } from './lookup.ts'
import { acceptOf, withoutLastDot } from './node.ts'

/** What is common to the instances of one lookup. */
interface Subject {
  readonly context: LookupContext
  readonly asked: Asked
  readonly datacenter: string
  readonly ttlSeconds: number
}

/** One instance's records: an address or alias (with what it leads to), or an SRV record with the addresses of its target. */
interface InstanceRecords {
  readonly answers: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

/** `[tag.]<service>.service` and `_<service>._<tag>`: the healthy instances. */
export const lookUpService: Lookup<Extract<Form, { kind: 'service' }>> = (context, asked, form) =>
  lookUpInstances(context, asked, form, {
    ServiceName: form.service,
    ...(form.tag === '' ? {} : { ServiceTags: [form.tag] }),
  })

/** `<service>.connect`: the proxies of a service, and its instances that speak mesh TLS themselves. */
export const lookUpConnect: Lookup<Extract<Form, { kind: 'connect' }>> = (context, asked, form) =>
  lookUpInstances(context, asked, form, { ServiceName: form.service, Connect: true })

/** The instances that may be shown to askers: never a critical one, and no warned one where only passing ones are wanted. */
export function healthy(instances: readonly ServiceNode[], onlyPassing: boolean): ServiceNode[] {
  return instances.filter(({ Checks }) =>
    Checks.every(({ Status }) => Status !== 'critical' && (!onlyPassing || Status === 'passing')),
  )
}

async function lookUpInstances(
  context: LookupContext,
  asked: Asked,
  form: { readonly service: string; readonly datacenter: string },
  args: ReadMethods['Health.ServiceNodes']['args'],
): Promise<Found> {
  const { settings, ports } = context
  const reread = () => context.read('Health.ServiceNodes', args, form.datacenter)
  const { value } = await reread()
  const instances = shuffled(healthy(value, settings.onlyPassing), ports.chance)
  if (instances.length === 0) return notFound
  const subject: Subject = {
    context,
    asked,
    datacenter: form.datacenter === '' ? ports.datacenter : form.datacenter,
    ttlSeconds: serviceTtlSeconds(form.service, settings.serviceTtlSeconds),
  }
  const found = { rcode: 'NOERROR', hasSoaWhenEmpty: true, isCuttable: true } as const
  if (asked.type === types.SRV) return { ...found, ...(await serviceRecords(subject, instances)) }
  const { answers, pool } = await addressRecords(subject, instances)
  return {
    ...found,
    answers,
    additionals: [],
    ...(pool === undefined ? {} : { pool: { records: pool, value, reread } satisfies AddressPool }),
  }
}

/**
 * Each address once, and an alias only where there's nothing else: a name may have one CNAME and then no other records. The pool
 * is there when every instance gave exactly one address and none was met twice.
 */
async function addressRecords(
  subject: Subject,
  instances: readonly ServiceNode[],
): Promise<{ answers: readonly DnsRecord[]; pool: readonly DnsRecord[] | undefined }> {
  const limit = subject.context.settings.aRecordLimit
  const seen = new Set<string>()
  const addresses: DnsRecord[] = []
  let alias: readonly DnsRecord[] = []
  for (const instance of instances) {
    const making = instanceRecords(subject, instance)
    const { answers } = making instanceof Promise ? await making : making
    const [first] = answers
    if (first?.type === 'CNAME') {
      if (alias.length === 0) alias = answers
      continue
    }
    if (first?.type !== 'A' && first?.type !== 'AAAA') continue
    const label = addressLabel(first.address)
    if (seen.has(label)) continue
    seen.add(label)
    addresses.push(first)
  }
  if (addresses.length === 0) return { answers: alias, pool: undefined }
  const isPool = addresses.length === instances.length
  return {
    answers: limit > 0 ? addresses.slice(0, limit) : addresses,
    pool: isPool ? addresses : undefined,
  }
}

/** An SRV record for each node, address and port, with the addresses and the node's metadata beside them. */
async function serviceRecords(
  subject: Subject,
  instances: readonly ServiceNode[],
): Promise<InstanceRecords> {
  const { context, ttlSeconds } = subject
  const seen = new Set<string>()
  const answers: DnsRecord[] = []
  const additionals: DnsRecord[] = []
  for (const instance of instances) {
    const { Node, Service } = instance
    const place = `${Node.Node}:${serviceAddress(Service, 'any')}:${Service.Port}`
    if (seen.has(place)) continue
    seen.add(place)
    const making = instanceRecords(subject, instance)
    const records = making instanceof Promise ? await making : making
    answers.push(...records.answers)
    additionals.push(...records.additionals)
    if (!context.settings.enableAdditionalNodeMetaTxt) continue
    additionals.push(...metaRecords(Node.Meta, nodeName(subject, Node.Node), ttlSeconds))
  }
  return { answers, additionals }
}

/** Only an instance outside has to be waited for: its name may be one of ours, to be looked up in its turn. */
function instanceRecords(
  subject: Subject,
  instance: ServiceNode,
): InstanceRecords | Promise<InstanceRecords> {
  const { asked, datacenter, context } = subject
  const accept = acceptOf(asked.type)
  const own = serviceAddress(instance.Service, accept)
  const ownIp = parseIp(own)
  if (ownIp !== undefined) {
    const target = `${addressLabel(ownIp)}.addr.${datacenter}.${context.settings.domain}`
    return recordsOfIp(subject, instance, ownIp, target)
  }
  const ofNode = nodeAddress(instance.Node, accept)
  // An instance whose address is the very name that was asked would be an alias of itself.
  const isNodes = own === '' || withoutLastDot(asBytes(own)) === asked.name
  const nodeIp = isNodes ? parseIp(ofNode) : undefined
  if (nodeIp !== undefined)
    return recordsOfIp(subject, instance, nodeIp, nodeName(subject, instance.Node.Node))
  const host = own === '' ? ofNode : own
  return host === '' ? { answers: [], additionals: [] } : recordsOfHost(subject, instance, host)
}

function recordsOfIp(
  { asked, ttlSeconds }: Subject,
  instance: ServiceNode,
  ip: Uint8Array,
  target: string,
): InstanceRecords {
  const isSrv = asked.type === types.SRV
  const record = addressRecord(asked.type, isSrv ? target : asked.name, ip, ttlSeconds)
  if (record === undefined) return { answers: [], additionals: [] }
  return isSrv
    ? { answers: [srvRecord(asked, instance, target, ttlSeconds)], additionals: [record] }
    : { answers: [record], additionals: [] }
}

/** An instance outside: an alias of its host name, followed by that name's addresses where it is one of ours. */
async function recordsOfHost(
  { context, asked, ttlSeconds }: Subject,
  instance: ServiceNode,
  host: string,
): Promise<InstanceRecords> {
  const target = withoutLastDot(asBytes(host))
  const led = (await context.resolve(target)).map((record): DnsRecord =>
    Object.assign({}, record, { ttlSeconds }),
  )
  return asked.type === types.SRV
    ? { answers: [srvRecord(asked, instance, target, ttlSeconds)], additionals: led }
    : {
        answers: [{ type: 'CNAME', name: asked.name, ttlSeconds, target }, ...led],
        additionals: [],
      }
}

function srvRecord(
  asked: Asked,
  instance: ServiceNode,
  target: string,
  ttlSeconds: number,
): DnsRecord {
  const { Port } = instance.Service
  const weight = weightOf(instance)
  return { type: 'SRV', name: asked.name, ttlSeconds, priority: 1, weight, port: Port, target }
}

function nodeName({ context, datacenter }: Subject, node: string): string {
  return `${asBytes(node)}.node.${datacenter}.${context.settings.domain}`
}
