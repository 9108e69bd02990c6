import type { ServiceNode } from '../../server/model/check.ts'
import type { Node } from '../../server/model/node.ts'
import { parseIp } from '../address.ts'
import { parseReverseName } from '../name.ts'
import { addressLabel, asBytes } from '../records.ts'
import { nothing } from './lookup.ts'
import type { Asked, Found, LookupContext } from './lookup.ts'

/** Names by address, for lists that the cluster gives again unchanged; a list is gone through once. */
export type ReverseIndex = WeakMap<object, ReadonlyMap<string, string>>

/**
 * `….in-addr.arpa` and `….ip6.arpa`: the node that has the address, else a service with an instance at it. `undefined` where
 * nobody has it: the name is then somebody else's to answer.
 */
export async function lookUpReverse(
  context: LookupContext,
  asked: Asked,
  index: ReverseIndex,
): Promise<Found | undefined> {
  const address = parseReverseName(asked.labels)
  if (address === undefined) return undefined
  const label = addressLabel(address)
  const { datacenter } = context.ports
  const nodes = await readOrNothing(context, 'Catalog.ListNodes')
  const node = indexed(index, nodes, nodePlaces).get(label)
  const service =
    node === undefined
      ? indexed(index, await readOrNothing(context, 'Internal.ServiceDump'), servicePlaces).get(
          label,
        )
      : undefined
  const below = node === undefined ? service && `${service}.service` : `${node}.node`
  if (below === undefined) return undefined
  const target = asBytes(`${below}.${datacenter}.${context.settings.domain}`)
  return { ...nothing, answers: [{ type: 'PTR', name: asked.name, ttlSeconds: 0, target }] }
}

type Places<Row> = (row: Row) => { readonly address: string; readonly name: string }

const nodePlaces: Places<Node> = ({ Address, Node: name }) => ({ address: Address, name })
const servicePlaces: Places<ServiceNode> = ({ Service }) => ({
  address: Service.Address,
  name: Service.Service,
})

/** The first row with an address gives its name. */
function indexed<Row>(
  index: ReverseIndex,
  rows: readonly Row[],
  placeOf: Places<Row>,
): ReadonlyMap<string, string> {
  const known = index.get(rows)
  if (known !== undefined) return known
  const made = new Map<string, string>()
  for (const row of rows) {
    const { address, name } = placeOf(row)
    const ip = parseIp(address)
    if (ip === undefined) continue
    const label = addressLabel(ip)
    if (!made.has(label)) made.set(label, name)
  }
  index.set(rows, made)
  return made
}

async function readOrNothing<M extends 'Catalog.ListNodes' | 'Internal.ServiceDump'>(
  context: LookupContext,
  method: M,
) {
  try {
    return (await context.read(method, {}, '')).value
  } catch (error) {
    context.ports.log.warn({ error, method }, 'unable to look up an address')
    return []
  }
}
