import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { isReadOnly, kvTxnVerbs, type TxnOp, txnOpsMax } from '../../server/model/txn.ts'
import { encodeReply, type GivenOp, opsKind, toOp } from '../fields/txn.ts'
import { type BodyLimit, readBody } from '../plugins/body.ts'
import { decodeBody } from '../plugins/decode.ts'
import { fencesOf } from '../plugins/fence.ts'
import { freshnessHeaders } from '../plugins/headers.ts'
import { readOptions, writeOptions } from '../plugins/query.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { fence, writing } from '../schemas.ts'

/** Several steps that are carried out together or not at all. */
export function txnRoutes(app: App, { rpc }: ApiPorts, settings: ApiSettings): void {
  const limit: BodyLimit = {
    sizeMaxBytes: settings.txnSizeMaxBytes,
    describe: (sizeBytes, announced) =>
      `Request body${announced ? `(${sizeBytes} bytes)` : ''} too large, max size: ` +
      `${settings.txnSizeMaxBytes} bytes. See https://www.consul.io/docs/agent/options.html#txn_max_req_len.`,
  }

  app.put<Asked>('/v1/txn', { schema }, async (request, reply) => {
    const body = await readBody(request.raw, limit)
    const given = (decodeBody(opsKind, body, 'Failed to parse body: ') ?? []) as readonly GivenOp[]
    if (given.length > txnOpsMax) throw tooMany(given.length)
    for (const { KV } of given) refuseLarge(KV, settings.kvValueSizeMaxBytes)
    const Ops = given.flatMap(toOp)
    const fences = fencesOf(request.query)
    // A fence is judged where writes are: in the order of the log.
    if (fences.Fences === undefined && isReadOnly(Ops.filter(isKnown))) {
      const { value, meta } = await rpc.read('Txn.Read', { Ops }, readOptions(request))
      const headers = freshnessHeaders(meta)
      const status = value.errors.length > 0 ? 409 : 200
      reply.encoded(encodeReply(value, true), headers, status)
    } else {
      const value = await rpc.write('Txn.Apply', { Ops, ...fences }, writeOptions(request))
      reply.encoded(encodeReply(value, false), [], value.errors.length > 0 ? 409 : 200)
    }
  })
}

/** A verb that nobody knows is told of by the read as well, and does not make a write of it. */
function isKnown(op: TxnOp): boolean {
  return !('KV' in op) || (kvTxnVerbs as readonly string[]).includes(op.KV.Verb)
}

const tooMany = (count: number): PraetorError =>
  new PraetorError(
    'too-large',
    `Transaction contains too many operations (${count} > ${txnOpsMax})`,
  )

function refuseLarge(kv: GivenOp['KV'], sizeMaxBytes: number): void {
  const sizeBytes = kv?.Value?.length ?? 0
  if (sizeBytes > sizeMaxBytes)
    throw new PraetorError(
      'too-large',
      `Value for key ${JSON.stringify(kv?.Key ?? '')} is too large (${sizeBytes} > ${sizeMaxBytes} bytes)`,
    )
}

const schema = {
  summary: 'Carry out steps together or not at all',
  querystring: writing({ fence }),
  requestBody: { json: opsKind },
  response: {
    200: Type.Object({
      Results: Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
      Errors: Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
    }),
  },
}
