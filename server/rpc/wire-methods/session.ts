import { serfCheckId } from '../../model/check.ts'
import { nanosecondsPerMs } from '../../model/duration.ts'
import { PraetorError } from '../../model/errors.ts'
import type { SessionRequest, WriteMethods } from '../../model/methods.ts'
import { lockDelayDefaultMs } from '../../model/session.ts'
import type { Session } from '../../model/session.ts'
import { fieldsOf, integer, list, nullableList, struct, text } from '../shape.ts'
import type { Fields, Shape } from '../shape.ts'
import type { WireMethod } from './method.ts'
import { session } from './rows.ts'

type Args = WriteMethods['Session.Apply']['args']

/** Makes and ends sessions. A request's defaults are the asking agent's to fill in: on the wire nothing is left out. */
export const sessionApply: WireMethod<Args, string> = {
  args: {
    toWire: ({ Op, Session }) =>
      Op === 'create'
        ? { Op, Session: requestToWire(Session) }
        : { Op, Session: { ID: Session.ID } },
    fromWire(wire): Args {
      const Op = text.fromWire(wire['Op'])
      const given = fieldsOf(wire['Session'])
      if (Op === 'create') return { Op, Session: requestFromWire(given) }
      if (Op === 'destroy') return { Op, Session: { ID: text.fromWire(given['ID']) } }
      throw new PraetorError('failed', `Invalid session operation '${Op}'`)
    },
  },
  reply: {
    // A Consul answers the destruction of a session with an empty text.
    toWire: (id, { Op }) => (Op === 'create' ? id : ''),
    fromWire: (wire, args) => (args.Op === 'create' ? text.fromWire(wire) : args.Session.ID),
  },
}

/** The one session that was renewed, in a list of it. */
export const sessionRenew: WireMethod<{ SessionID: string }, Session | undefined> = {
  args: {
    toWire: ({ SessionID }) => ({ SessionID }),
    fromWire: (wire) => ({ SessionID: sessionIdOf(wire) }),
  },
  reply: {
    toWire: (renewed) => ({
      Sessions: list(session).toWire(renewed === undefined ? [] : [renewed]),
      Index: 0,
      LastContact: 0,
      KnownLeader: false,
      ConsistencyLevel: '',
    }),
    fromWire: (wire) => list(session).fromWire(fieldsOf(wire)['Sessions'])[0],
  },
}

/** Agents before 1.7 call it `Session`. */
export function sessionIdOf(wire: Fields): string {
  const id = text.fromWire(wire['SessionID'])
  return id === '' ? text.fromWire(wire['Session']) : id
}

const serviceChecks: Shape<readonly { ID: string; Namespace: string }[] | null> = nullableList(
  struct<{ ID: string; Namespace: string }>({ ID: text, Namespace: text }),
)

function requestToWire(request: SessionRequest): Fields {
  const { Checks, NodeChecks, ServiceChecks, LockDelayMs = lockDelayDefaultMs } = request
  const wantsNone = Checks?.length === 0
  const wantsDefault = Checks === undefined || (Checks.length === 1 && Checks[0] === serfCheckId)
  return {
    Name: request.Name ?? '',
    Node: request.Node,
    LockDelay: integer.toWire(Math.round(LockDelayMs * nanosecondsPerMs)),
    Behavior: request.Behavior ?? '',
    TTL: request.TTL ?? '',
    Checks: wantsNone || wantsDefault ? null : Checks,
    NodeChecks: wantsNone ? [] : NodeChecks === undefined ? [serfCheckId] : NodeChecks,
    ServiceChecks: serviceChecks.toWire(ServiceChecks ?? null),
  }
}

function requestFromWire(wire: Fields): SessionRequest {
  const Checks = list(text).fromWire(wire['Checks'])
  const ServiceChecks = serviceChecks.fromWire(wire['ServiceChecks'])
  return {
    Name: text.fromWire(wire['Name']),
    Node: text.fromWire(wire['Node']),
    LockDelayMs: integer.fromWire(wire['LockDelay']) / nanosecondsPerMs,
    Behavior: text.fromWire(wire['Behavior']),
    TTL: text.fromWire(wire['TTL']),
    NodeChecks: nullableList(text).fromWire(wire['NodeChecks']),
    ...(Checks.length === 0 ? {} : { Checks }),
    ...(ServiceChecks === null ? {} : { ServiceChecks }),
  }
}
