import type { ServiceNode } from '../../model/check.ts'
import type { NodeCoordinate } from '../../model/coordinate.ts'
import { PraetorError } from '../../model/errors.ts'
import { kvWriteVerbs } from '../../model/kv.ts'
import type { Fence, KvEntry, KvWrite, KvWriteVerb } from '../../model/kv.ts'
import type { ReadMethod, ReadMethods, WriteMethod, WriteMethods } from '../../model/methods.ts'
import type { Deregistration, Registration } from '../../model/registration.ts'
import type { TxnOp } from '../../model/txn.ts'
import { flag, list, map, nullableMap, omitted, pointer, struct, text } from '../shape.ts'
import type { Fields, Shape } from '../shape.ts'
import { autopilotConfig, autopilotSet } from './autopilot.ts'
import { asFields, inField, nothing } from './method.ts'
import type { FieldsShape, ReplyShape, WireMethod } from './method.ts'
import {
  catalogService,
  fences,
  givenCheck,
  givenService,
  healthCheck,
  kvEntry,
  kvWrite,
  node,
  nodeCoordinate,
  nodeDump,
  nodeServices,
  serviceNode,
  session,
} from './rows.ts'
import { sessionApply, sessionIdOf, sessionRenew } from './session.ts'
import { txnOp, txnReply } from './txn.ts'

/** Every method of server/model/methods.ts as Consul's RPC has it: ONE row each. The compiler finds what is missing. */
export const wireReads: {
  readonly [M in ReadMethod]: WireMethod<ReadMethods[M]['args'], ReadMethods[M]['reply']>
} = {
  'KVS.Get': {
    args: asFields(struct<{ Key: string }>({ Key: text })),
    reply: inField('Entries', first(kvEntry)),
  },
  'KVS.List': {
    args: asFields(struct<{ Key: string }>({ Key: text })),
    reply: inField('Entries', list<KvEntry>(kvEntry)),
  },
  'KVS.ListKeys': {
    // The misspelling is Consul's.
    args: asFields(
      struct<{ Prefix: string; Separator: string }>(
        { Prefix: text, Separator: text },
        { Separator: 'Seperator' },
      ),
    ),
    reply: inField('Keys', list(text)),
  },
  'Session.Get': {
    args: {
      toWire: ({ SessionID }) => ({ SessionID }),
      fromWire: (wire) => ({ SessionID: sessionIdOf(wire) }),
    },
    reply: inField('Sessions', list(session)),
  },
  'Session.List': { args: noArgs(), reply: inField('Sessions', list(session)) },
  'Session.NodeSessions': { args: ofNode(), reply: inField('Sessions', list(session)) },
  'Catalog.ListNodes': { args: noArgs(), reply: inField('Nodes', list(node)) },
  'Catalog.ListServices': { args: noArgs(), reply: inField('Services', map(tags())) },
  'Catalog.ServiceNodes': {
    args: serviceQuery(['Connect']),
    reply: inField('ServiceNodes', list(catalogService)),
  },
  'Catalog.NodeServices': { args: ofNode(), reply: inField('NodeServices', nodeServices) },
  'Health.ServiceNodes': {
    args: serviceQuery(['Connect', 'Ingress', 'PassingOnly']),
    reply: passing(inField('Nodes', list(serviceNode))),
  },
  'Health.NodeChecks': { args: ofNode(), reply: inField('HealthChecks', list(healthCheck)) },
  'Health.ServiceChecks': {
    args: asFields(struct<{ ServiceName: string }>({ ServiceName: text })),
    reply: inField('HealthChecks', list(healthCheck)),
  },
  'Health.ChecksInState': {
    args: asFields(struct<{ State: string }>({ State: text })),
    reply: inField('HealthChecks', list(healthCheck)),
  },
  'Coordinate.ListNodes': { args: noArgs(), reply: inField('Coordinates', list(nodeCoordinate)) },
  'Coordinate.Node': { args: ofNode(), reply: inField('Coordinates', list(nodeCoordinate)) },
  'Internal.NodeInfo': { args: ofNode(), reply: inField('Dump', list(nodeDump)) },
  'Internal.NodeDump': { args: noArgs(), reply: inField('Dump', list(nodeDump)) },
  'Internal.ServiceDump': { args: noArgs(), reply: inField('Nodes', list(serviceNode)) },
  'Operator.AutopilotGetConfiguration': { args: noArgs(), reply: autopilotConfig },
  'Txn.Read': { args: ops(), reply: txnReply },
}

export const wireWrites: {
  readonly [M in WriteMethod]: WireMethod<WriteMethods[M]['args'], WriteMethods[M]['reply']>
} = {
  'KVS.Apply': {
    args: asFields(
      struct<{ Op: KvWriteVerb; DirEnt: KvWrite; Fences?: readonly Fence[] }>(
        { Op: kvVerb(), DirEnt: kvWrite, Fences: fences },
        { Fences: 'PraetorFences' },
      ),
    ),
    // A Consul answers only conditional writes; of the others it says false, and its agents don't look.
    reply: {
      toWire: (done, { Op }) => done && isConditional(Op),
      fromWire: (wire, { Op }) => !isConditional(Op) || flag.fromWire(wire),
    },
  },
  'Session.Apply': sessionApply,
  'Session.Renew': sessionRenew,
  'Catalog.Register': {
    args: asFields(
      struct<Registration>({
        Datacenter: omitted(text),
        ID: text,
        Node: text,
        Address: text,
        TaggedAddresses: nullableMap(text),
        NodeMeta: nullableMap(text),
        SkipNodeUpdate: flag,
        Service: pointer(givenService),
        Check: pointer(givenCheck),
        Checks: omitted(list(givenCheck)),
      }),
    ),
    reply: nothing,
  },
  'Catalog.Deregister': {
    args: asFields(
      struct<Deregistration>({
        Datacenter: omitted(text),
        Node: text,
        ServiceID: omitted(text),
        CheckID: omitted(text),
      }),
    ),
    reply: nothing,
  },
  'Coordinate.Update': { args: asFields<NodeCoordinate>(nodeCoordinate), reply: nothing },
  'Operator.AutopilotSetConfiguration': {
    args: autopilotSet,
    reply: { toWire: (done) => done, fromWire: (wire) => flag.fromWire(wire) },
  },
  'Txn.Apply': {
    args: asFields(
      struct<{ Ops: readonly TxnOp[]; Fences?: readonly Fence[] }>(
        { Ops: list(txnOp), Fences: fences },
        { Fences: 'PraetorFences' },
      ),
    ),
    reply: txnReply,
  },
}

function noArgs(): FieldsShape<Readonly<Record<string, never>>> {
  return { toWire: () => ({}), fromWire: () => ({}) }
}

function ofNode(): FieldsShape<{ Node: string }> {
  return asFields(struct<{ Node: string }>({ Node: text }))
}

function ops(): FieldsShape<{ Ops: readonly TxnOp[] }> {
  return asFields(struct<{ Ops: readonly TxnOp[] }>({ Ops: list(txnOp) }))
}

/** The one row of a list that has at most one. */
function first<Row>(row: Shape<Row>): Shape<Row | undefined> {
  const rows = list(row)
  return {
    toWire: (one) => rows.toWire(one === undefined ? [] : [one]),
    fromWire: (wire) => rows.fromWire(wire)[0],
  }
}

/** A service's tags are an empty list, never nil. */
function tags(): Shape<readonly string[]> {
  const some = list(text)
  return { toWire: (value) => value, fromWire: some.fromWire }
}

interface ServiceQuery {
  ServiceName: string
  ServiceTags?: readonly string[]
  Connect?: boolean
  Ingress?: boolean
  PassingOnly?: boolean
}

/** A Consul heeds tags only where `TagFilter` says so; agents before 1.3 give one, as `ServiceTag`. */
function serviceQuery(flags: readonly (keyof ServiceQuery)[]): FieldsShape<ServiceQuery> {
  return {
    toWire: ({ ServiceName, ServiceTags = [], ...asked }) => ({
      ServiceName,
      ...(ServiceTags.length > 0 ? { ServiceTags, TagFilter: true } : {}),
      ...asked,
    }),
    fromWire(wire) {
      const query: ServiceQuery = { ServiceName: text.fromWire(wire['ServiceName']) }
      if (flag.fromWire(wire['TagFilter'])) query.ServiceTags = askedTags(wire)
      const asked = Object.fromEntries(
        flags.filter((name) => flag.fromWire(wire[name])).map((name) => [name, true]),
      )
      return { ...query, ...asked }
    },
  }
}

function askedTags(wire: Fields): readonly string[] {
  const many = list(text).fromWire(wire['ServiceTags'])
  const one = text.fromWire(wire['ServiceTag'])
  return many.length === 0 && one !== '' ? [one] : many
}

/** A Consul knows no `PassingOnly`: its agents leave out themselves what doesn't pass, and so do we. */
function passing<Args extends ServiceQuery>(
  reply: ReplyShape<Args, readonly ServiceNode[]>,
): ReplyShape<Args, readonly ServiceNode[]> {
  return {
    toWire: reply.toWire,
    fromWire(wire, args) {
      const rows = reply.fromWire(wire, args)
      return args.PassingOnly === true
        ? rows.filter(({ Checks }) => Checks.every(({ Status }) => Status === 'passing'))
        : rows
    },
  }
}

function kvVerb(): Shape<KvWriteVerb> {
  return {
    toWire: (verb) => verb,
    fromWire(wire) {
      const verb = text.fromWire(wire)
      const known = kvWriteVerbs.find((one) => one === verb)
      if (known === undefined) throw new PraetorError('failed', `Invalid KVS operation '${verb}'`)
      return known
    },
  }
}

function isConditional(verb: KvWriteVerb): boolean {
  return verb !== 'set' && verb !== 'delete' && verb !== 'delete-tree'
}
