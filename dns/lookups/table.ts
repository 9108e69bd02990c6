import type { Form } from '../name.ts'
import { lookUpAddr } from './addr.ts'
import { notFound } from './lookup.ts'
import type { Asked, Found, Lookup, LookupContext } from './lookup.ts'
import { lookUpNode } from './node.ts'
import { lookUpConnect, lookUpService } from './service.ts'

type Lookups = { readonly [K in Form['kind']]: Lookup<Extract<Form, { kind: K }>> }

/** One row for each form of name. */
const lookups: Lookups = {
  node: lookUpNode,
  service: lookUpService,
  connect: lookUpConnect,
  addr: lookUpAddr,
  // There are no gateways and no prepared queries to be found: every such name is unknown.
  ingress: async () => notFound,
  query: async () => notFound,
}

export function lookUp(context: LookupContext, asked: Asked, form: Form): Promise<Found> {
  const lookup = lookups[form.kind] as Lookup<Form>
  return lookup(context, asked, form)
}
