import { serfCheckId } from '../model/check.ts'
import { formatDuration, nanosecondsPerMs, parseDuration } from '../model/duration.ts'
import { PraetorError } from '../model/errors.ts'
import type { SessionRequest } from '../model/methods.ts'
import { checkSessionId } from '../model/session-id.ts'
import { lockDelayDefaultMs, sessionBehaviors, sessionTtlMaxMs } from '../model/session.ts'
import type { Session } from '../model/session.ts'
import { getSession, listNodeSessions, listSessions } from '../state/sessions.ts'
import type { EndpointTable } from './call.ts'
import type { WriteContext } from './method.ts'

export const sessionEndpoints = {
  'Session.Get': {
    kind: 'read',
    run: (store, { SessionID }, _query, watch) => getSession(store, SessionID, watch),
  },

  'Session.List': {
    kind: 'read',
    run: (store, _args, _query, watch) => listSessions(store, watch),
  },

  'Session.NodeSessions': {
    kind: 'read',
    run: (store, { Node }, _query, watch) => listNodeSessions(store, Node, watch),
  },

  'Session.Apply': {
    kind: 'write',
    run: async (context, args) =>
      args.Op === 'create' ? create(context, args.Session) : destroy(context, args.Session.ID),
  },

  'Session.Renew': {
    kind: 'write',
    async run({ store, sessionDeadlines }, { SessionID }) {
      const [session] = getSession(store, SessionID).value
      if (session !== undefined) sessionDeadlines.renew(session.ID)
      return session
    },
  },
} satisfies Pick<
  EndpointTable,
  'Session.Get' | 'Session.List' | 'Session.NodeSessions' | 'Session.Apply' | 'Session.Renew'
>

async function create(context: WriteContext, request: SessionRequest): Promise<string> {
  const { store, chance, limits, propose, sessionDeadlines } = context
  const { Name = '', Node, Behavior = '', TTL = '', LockDelayMs = lockDelayDefaultMs } = request
  if (Node === '') throw new PraetorError('failed', 'Must provide Node')
  if (Behavior !== '' && !(sessionBehaviors as readonly string[]).includes(Behavior))
    throw new PraetorError('failed', `Invalid Behavior setting '${Behavior}'`)
  checkTtl(TTL, limits.sessionTtlMinMs)
  let ID = chance.uuid()
  while (store.sessions.get(ID) !== undefined) ID = chance.uuid()
  await propose('session-create', {
    ID,
    Name,
    Node,
    LockDelay: Math.round(LockDelayMs * nanosecondsPerMs),
    Behavior: Behavior === '' ? 'release' : Behavior,
    TTL,
    ...checksOf(request),
  })
  sessionDeadlines.renew(ID)
  return ID
}

async function destroy({ propose }: WriteContext, ID: string): Promise<string> {
  if (ID === '') throw new PraetorError('failed', 'Must provide ID')
  checkSessionId(ID)
  return propose('session-destroy', { ID })
}

/** A session lives by its node's gossip check unless it says otherwise. */
function checksOf({
  Checks,
  NodeChecks,
  ServiceChecks,
}: SessionRequest): Pick<Session, 'NodeChecks' | 'ServiceChecks' | 'Checks'> {
  const isDefault = Checks === undefined || (Checks.length === 1 && Checks[0] === serfCheckId)
  return {
    NodeChecks: Checks?.length === 0 ? [] : NodeChecks === undefined ? [serfCheckId] : NodeChecks,
    ServiceChecks: ServiceChecks === undefined ? null : [...ServiceChecks],
    ...(isDefault || Checks.length === 0 ? {} : { Checks: [...Checks] }),
  }
}

/** No TTL, or none to speak of, is a session without end. */
function checkTtl(ttl: string, minMs: number): void {
  if (ttl === '') return
  const parsed = parseDuration(ttl)
  if (!parsed.ok) throw new PraetorError('failed', `Session TTL '${ttl}' invalid: ${parsed.error}`)
  if (parsed.ms === 0 || (parsed.ms >= minMs && parsed.ms <= sessionTtlMaxMs)) return
  const bounds = `[${formatDuration(minMs)}=${formatDuration(sessionTtlMaxMs)}]`
  throw new PraetorError(
    'failed',
    `Invalid Session TTL '${Math.round(parsed.ms * nanosecondsPerMs)}', must be between ${bounds}`,
  )
}
