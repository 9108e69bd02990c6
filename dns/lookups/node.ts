import type { Node } from '../../server/model/node.ts'
import { nodeAddress, parseIp } from '../address.ts'
import type { Accept } from '../address.ts'
import type { Form } from '../name.ts'
import { addressRecord, asBytes, metaRecords, types } from '../records.ts'
import type { DnsRecord } from '../records.ts'
import { nothing, notFound } from './lookup.ts'
import type { Lookup, LookupContext } from './lookup.ts'

/** `<node>.node`: its address, or its alias where the address is a host name, and its metadata as TXT. */
export const lookUpNode: Lookup<Extract<Form, { kind: 'node' }>> = async (context, asked, form) => {
  const { type, name } = asked
  const isAddressed = type === types.A || type === types.AAAA || type === types.ANY
  if (!isAddressed && type !== types.TXT) return nothing
  const { value } = await context.read('Catalog.NodeServices', { Node: form.node }, form.datacenter)
  if (value === undefined) return notFound

  const { nodeTtlSeconds, enableAdditionalNodeMetaTxt } = context.settings
  const addresses = isAddressed ? await recordsOfNode(context, value.Node, type, name) : []
  const isMetaAsked = type === types.ANY || type === types.TXT
  if (!isMetaAsked && !enableAdditionalNodeMetaTxt) return { ...nothing, answers: addresses }
  const meta = metaRecords(value.Node.Meta, name, nodeTtlSeconds)
  return isMetaAsked
    ? { ...nothing, answers: [...addresses, ...meta] }
    : { ...nothing, answers: addresses, additionals: meta }
}

/** A node's address as a question of this type wants it; where it's a host name, the alias and what that leads to. */
export async function recordsOfNode(
  context: LookupContext,
  node: Node,
  type: number,
  name: string,
): Promise<DnsRecord[]> {
  const ttlSeconds = context.settings.nodeTtlSeconds
  const text = nodeAddress(node, acceptOf(type))
  if (text === '') return []
  const ip = parseIp(text)
  if (ip === undefined) {
    const target = withoutLastDot(asBytes(node.Address))
    return [{ type: 'CNAME', name, ttlSeconds, target }, ...(await context.resolve(target))]
  }
  const record = addressRecord(type, name, ip, ttlSeconds)
  return record === undefined ? [] : [record]
}

export function acceptOf(type: number): Accept {
  if (type === types.A) return 'ipv4'
  return type === types.AAAA ? 'ipv6' : 'any'
}

export function withoutLastDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name
}
