import { readFile } from 'node:fs/promises'

import { assertNever } from '../../model/assert.ts'
import { describeError } from '../../model/errors.ts'
import {
  alignmentBytes,
  batchEnd,
  batchHeaderBytes,
  decodeBatchHeader,
  decodeRecords,
  decodeSegmentHeader,
  headerBlockBytes,
  type BatchHeader,
  type Record,
  type SegmentHeader,
} from './format.ts'

/** A segment of the log as lines for a person, damaged or not: `praetor wal dump FILE`. Changes nothing. */
export async function* dump(path: string): AsyncGenerator<string> {
  yield* describeSegment(await readFile(path))
}

/** Every line begins with the offset of what it tells, in hexadecimal as other tools show it. */
export function* describeSegment(bytes: Uint8Array): Generator<string> {
  const header = decodeSegmentHeader(bytes)
  if (header === undefined) {
    yield `${at(0)}  damaged: no valid segment header`
    return
  }
  yield* describeHeader(header)
  yield* describeBatches(bytes, header)
}

function* describeHeader(header: SegmentHeader): Generator<string> {
  const { baseIndex, clusterId, nodeId, previousChain, sequence } = header
  yield `${at(0)}  segment ${sequence}  base index ${baseIndex}  after chain ${hex(previousChain)}`
  yield `${at(64)}  cluster ${clusterId}  node ${nodeId}`
}

function* describeBatches(
  bytes: Uint8Array,
  { previousChain, sequence }: SegmentHeader,
): Generator<string> {
  let offset = headerBlockBytes
  let chain = previousChain
  while (offset < bytes.length) {
    const header = decodeBatchHeader(bytes, offset, sequence)
    if (typeof header === 'string') {
      const next = nextBatch(bytes, offset + alignmentBytes, sequence)
      if (next === undefined) {
        yield* describeEnd(bytes, offset, header)
        return
      }
      yield `${at(offset)}  damaged: ${header}, and a valid batch follows ${next - offset} bytes later`
      offset = next
      chain = (decodeBatchHeader(bytes, next, sequence) as BatchHeader).previousChain
      continue
    }
    const link =
      header.previousChain === chain ? '' : `  damaged: continues ${hex(header.previousChain)}`
    yield `${at(offset)}  batch ${header.sequence}  ${header.sizeBytes} bytes  chain ${hex(header.chain)}${link}`
    yield* describeRecords(bytes, offset, header)
    chain = header.chain
    offset = batchEnd(offset, header.sizeBytes)
  }
}

function* describeRecords(
  bytes: Uint8Array,
  offset: number,
  header: BatchHeader,
): Generator<string> {
  try {
    for (const found of decodeRecords(bytes, offset, header))
      yield `${at(found.offset)}    ${describeRecord(found.record)}`
  } catch (error) {
    yield `${at(offset)}    damaged: ${describeError(error)}`
  }
}

function describeRecord(record: Record): string {
  switch (record.kind) {
    case 'entry': {
      const { index, kind, payload, term } = record.entry
      return `entry ${index}  term ${term}  ${kind}  ${payload.length} bytes  ${preview(payload)}`
    }
    case 'hardState': {
      const { commit, term, vote } = record.hardState
      return `state  term ${term}  vote ${vote ?? 'nobody'}  commit ${commit}`
    }
    case 'snapshot': {
      const { index, membership, term } = record.snapshot
      return `snapshot ${term}-${index}${record.carried ? '  carried' : ''}  ${JSON.stringify(membership)}`
    }
    case 'truncate':
      return `truncate from ${record.from}`
    case 'seal':
      return 'seal'
    default:
      return assertNever(record)
  }
}

/** Where nothing of this segment follows: room, ruins of a write that was not finished, or what the file held before. */
function* describeEnd(bytes: Uint8Array, offset: number, flaw: string): Generator<string> {
  const left = bytes.length - offset
  const ruined = flaw === 'short' || flaw === 'checksum'
  if (ruined && left >= batchHeaderBytes)
    yield `${at(offset)}  torn: an unfinished batch (${flaw}); the log ends before it`
  else yield `${at(offset)}  end  ${left} bytes left`
}

function nextBatch(bytes: Uint8Array, start: number, segmentSequence: number): number | undefined {
  for (let offset = start; offset + batchHeaderBytes <= bytes.length; offset += alignmentBytes)
    if (typeof decodeBatchHeader(bytes, offset, segmentSequence) !== 'string') return offset
  return undefined
}

const previewBytes = 16

function preview(payload: Uint8Array): string {
  const shown = Buffer.from(payload.subarray(0, previewBytes)).toString('hex')
  return payload.length > previewBytes ? `${shown}…` : shown
}

function at(offset: number): string {
  return offset.toString(16).padStart(8, '0')
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
