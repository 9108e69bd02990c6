import { must } from '../model/assert.ts'
import { Page, pageBytes, recordHeadBytes } from './page.ts'
import { newTree } from './rows.ts'
import type { Rows, Tree } from './rows.ts'

/** How a row lies in bytes, behind its key. */
export interface Packing<Row> {
  sizeOf(row: Row): number
  /** Writes just so many bytes. */
  pack(row: Row, into: Buffer, at: number): void
  /** The row again; it keeps nothing of `bytes`, which are overwritten later. */
  unpack(key: string, bytes: Buffer, at: number, end: number): Row
}

/**
 * Rows by the million. A row that is an object, with its strings and its bytes, is half a dozen things to the collector, which
 * looks at every one of them again and again; packed, some two hundred rows are one. A B-tree finds the page that a key belongs in:
 * it holds each page under a key that is not above any in the page, and above all in the page before. Keys are byte strings.
 *
 * A clone shares the pages. Whoever then writes to one copies it first: a page bears the mark of the rows that may change it.
 */
export class PackedRows<Row> implements Rows<Row> {
  readonly #packing: Packing<Row>
  readonly #pages: Tree<Page>
  #mark = {}
  #size = 0
  /**
   * What was sought last: a write first looks for the row that is there, more than once. The page with the key it is held under,
   * and the key's place in it, or `~` where it would be.
   */
  readonly #found: [under: string, page: Page]
  #key: string | undefined
  #place = 0
  /** The row that is there, once it was asked for. */
  #row: Row | undefined

  constructor(packing: Packing<Row>, source?: PackedRows<Row>) {
    this.#packing = packing
    if (source === undefined) {
      this.#pages = newTree()
      this.#pages.set('', new Page(this.#mark))
    } else {
      this.#pages = source.#pages.clone()
      this.#size = source.#size
      source.#mark = {}
    }
    this.#found = ['', must(this.#pages.get(''), 'a first page')]
  }

  get size(): number {
    return this.#size
  }

  get(key: string): Row | undefined {
    this.#seek(key)
    if (this.#place < 0) return undefined
    return (this.#row ??= this.#unpack(this.#found[1], this.#place, key))
  }

  set(key: string, row: Row): void {
    this.#seek(key)
    this.#row = undefined
    const sizeBytes = recordHeadBytes + key.length + this.#packing.sizeOf(row)
    let page = this.#own()
    if (this.#place < 0) {
      this.#place = ~this.#place
      this.#size += 1
    } else if (page.sizeAt(this.#place) === sizeBytes) {
      this.#packing.pack(row, page.bytes, page.rowAt(this.#place))
      return
    } else page.remove(this.#place)
    while (!page.hasRoom(sizeBytes)) page = this.#makeRoom(sizeBytes, key)
    page.insert(this.#place, key, sizeBytes)
    this.#packing.pack(row, page.bytes, page.rowAt(this.#place))
  }

  delete(key: string): void {
    this.#seek(key)
    if (this.#place < 0) return
    const page = this.#own()
    page.remove(this.#place)
    this.#size -= 1
    this.#key = undefined
    this.#row = undefined
    const [under] = this.#found
    if (page.count === 0 && under !== '') this.#pages.delete(under)
    else if (page.isSparse) this.#join(under, page)
  }

  *values(): Iterable<Row> {
    for (const page of this.#pages.values())
      for (let place = 0; place < page.count; place += 1)
        yield this.#unpack(page, place, page.keyAt(place))
  }

  *beginning(prefix: string): Iterable<Row> {
    this.#seek(prefix)
    const [under] = this.#found
    let place = this.#place < 0 ? ~this.#place : this.#place
    for (const [, page] of this.#pages.entries(under)) {
      for (; place < page.count; place += 1) {
        const key = page.keyAt(place)
        if (!key.startsWith(prefix)) return
        yield this.#unpack(page, place, key)
      }
      place = 0
    }
  }

  clone(): PackedRows<Row> {
    return new PackedRows(this.#packing, this)
  }

  /** Every row's record, in key order; many at a time where they lie side by side. Not to be used after a write. */
  *records(): Iterable<Uint8Array> {
    for (const page of this.#pages.values()) yield* page.runs()
  }

  /**
   * Takes a record of `records`, each after the one before: the row it holds. Undefined where it is no record or not in order;
   * what the row's own bytes say is not looked at.
   */
  append(record: Buffer): Row | undefined {
    const key = Page.keyOf(record)
    if (key === undefined) return undefined
    this.#seek(key)
    const last = this.#found[1]
    if (~this.#place !== last.count || this.#pages.maxKey() !== this.#found[0]) return undefined
    this.#place = last.count
    let page = this.#own()
    while (!page.hasRoom(record.length)) page = this.#makeRoom(record.length, key)
    page.append(record, key)
    this.#size += 1
    return this.#unpack(page, this.#place, key)
  }

  #seek(key: string): void {
    if (key === this.#key) return
    must(this.#pages.getPairOrNextLower(key, this.#found), 'the first page is under the least key')
    this.#place = this.#found[1].search(key)
    this.#key = key
    this.#row = undefined
  }

  /** The page that was found, as one that may be changed. */
  #own(): Page {
    const [under, page] = this.#found
    if (page.mark === this.#mark) return page
    const own = page.copy(this.#mark)
    this.#pages.set(under, own)
    this.#found[1] = own
    return own
  }

  /** Room for a record at the place that was found, if need be in another page, where it then belongs. */
  #makeRoom(sizeBytes: number, key: string): Page {
    const [, page] = this.#found
    const { count } = page
    if (count === 0 || page.liveBytes + sizeBytes <= fullBytes) {
      page.compact(sizeBytes)
      return page
    }
    // Keys that come in their order fill page after page.
    const middle = this.#place === count ? count : page.middle()
    const right = page.split(middle)
    const under = middle === count ? key : right.keyAt(0)
    this.#pages.set(under, right)
    if (middle < count && this.#place <= middle) return page
    this.#place -= middle
    this.#found[0] = under
    this.#found[1] = right
    return right
  }

  /** Makes one of this page and the next, where there is room for both. */
  #join(under: string, page: Page): void {
    const next = this.#pages.nextHigherPair(under)
    if (next !== undefined && page.liveBytes + next[1].liveBytes <= joinedBytes) {
      page.take(next[1])
      this.#pages.delete(next[0])
    } else if (page.bytes.length > pageBytes) page.compact(0)
  }

  #unpack(page: Page, place: number, key: string): Row {
    return this.#packing.unpack(key, page.bytes, page.rowAt(place), page.endAt(place))
  }
}

/** More than that in a page is too near to its end to be worth tidying up: it is split. */
const fullBytes = pageBytes * 0.75

/** What two pages hold that are made one: it must not be split again soon. */
const joinedBytes = pageBytes / 2
