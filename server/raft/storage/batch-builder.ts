import { crc32 } from 'node:zlib'

import { assertNever } from '../../model/assert.ts'
import type { Entry } from '../types.ts'
import {
  alignmentBytes,
  batchEnd,
  batchHeaderBytes,
  entryKinds,
  markOf,
  recordHeaderBytes,
  recordKinds,
  type Record,
} from './format.ts'

/** A batch while it is being gathered: records go straight into the bytes that will be written. One is used again and again. */
export class BatchBuilder {
  #bytes: Buffer
  #view: DataView
  #end = batchHeaderBytes
  #count = 0

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.alloc(capacityBytes)
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, capacityBytes)
  }

  get sizeBytes(): number {
    return this.#end
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  add(record: Record): void {
    switch (record.kind) {
      case 'entry':
        return this.addEntry(record.entry)
      case 'hardState': {
        const vote = Buffer.from(record.hardState.vote ?? '')
        const body = this.#begin(recordKinds.hardState, 0, 16 + vote.length)
        this.#writeU64(body, record.hardState.term)
        this.#writeU64(body + 8, record.hardState.commit)
        this.#bytes.set(vote, body + 16)
        return
      }
      case 'snapshot': {
        const json = Buffer.from(JSON.stringify(record.snapshot))
        const body = this.#begin(recordKinds.snapshot, record.carried ? 1 : 0, json.length)
        this.#bytes.set(json, body)
        return
      }
      case 'truncate':
        return this.#writeU64(this.#begin(recordKinds.truncate, 0, 8), record.from)
      case 'seal':
        this.#begin(recordKinds.seal, 0, 0)
        return
      default:
        assertNever(record)
    }
  }

  addEntry(entry: Entry): void {
    const tag = entry.kind === 'command' ? 0 : entryKinds.indexOf(entry.kind)
    const body = this.#begin(recordKinds.entry, tag, 16 + entry.payload.length)
    this.#writeU64(body, entry.index)
    this.#writeU64(body + 8, entry.term)
    this.#bytes.set(entry.payload, body + 16)
  }

  /** Closes the batch, gives its bytes with the padding (valid until the next `add`), and begins anew. */
  finish(header: {
    readonly segmentSequence: number
    readonly sequence: number
    readonly previousChain: number
  }): { readonly bytes: Uint8Array; readonly sizeBytes: number; readonly chain: number } {
    const sizeBytes = this.#end
    const paddedBytes = batchEnd(0, sizeBytes)
    this.#bytes.fill(0, sizeBytes, paddedBytes)
    this.#view.setUint32(0, markOf(header.segmentSequence), true)
    this.#view.setUint32(4, sizeBytes, true)
    this.#writeU64(8, header.sequence)
    this.#view.setUint32(16, this.#count, true)
    this.#view.setUint32(20, 0, true)
    this.#view.setUint32(24, header.previousChain, true)
    const overHeader = crc32(this.#bytes.subarray(0, 28))
    const chain = crc32(this.#bytes.subarray(batchHeaderBytes, sizeBytes), overHeader)
    this.#view.setUint32(28, chain, true)
    this.#end = batchHeaderBytes
    this.#count = 0
    return { bytes: this.#bytes.subarray(0, paddedBytes), sizeBytes, chain }
  }

  /** Where the record's body goes. */
  #begin(kind: number, tag: number, bodyBytes: number): number {
    const offset = this.#end
    const body = offset + recordHeaderBytes
    this.#reserve(body + bodyBytes)
    this.#view.setUint8(offset, kind)
    this.#view.setUint8(offset + 1, tag)
    this.#view.setUint16(offset + 2, 0, true)
    this.#view.setUint32(offset + 4, bodyBytes, true)
    this.#end = body + bodyBytes
    this.#count += 1
    return body
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes + alignmentBytes <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, sizeBytes + alignmentBytes))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.length)
  }

  #writeU64(offset: number, value: number): void {
    this.#view.setUint32(offset, value >>> 0, true)
    this.#view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true)
  }
}
