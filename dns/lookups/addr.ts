import type { Form } from '../name.ts'
import type { DnsRecord } from '../records.ts'
import { nothing } from './lookup.ts'
import type { Lookup } from './lookup.ts'

/** `<hexadecimal digits>.addr`: the address the digits spell, whatever type was asked. SRV answers point to such names. */
export const lookUpAddr: Lookup<Extract<Form, { kind: 'addr' }>> = async (context, asked, form) => {
  if (form.address === undefined) return nothing
  const record: DnsRecord = {
    type: form.address.length === 4 ? 'A' : 'AAAA',
    // The one answer that isn't in the asker's own letters, in Consul too.
    name: asked.name.toLowerCase(),
    ttlSeconds: context.settings.nodeTtlSeconds,
    address: form.address,
  }
  return { ...nothing, answers: [record] }
}
