import { must } from '../../../server/model/assert.ts'
import { Positions } from '../document.ts'
import type { Document, DocumentObject, DocumentValue, Path, Position } from '../document.ts'
import { parseHcl } from './parser.ts'
import type { HclItem, HclNode } from './parser.ts'

/**
 * An HCL 1 text as plain values. HCL has no word for "one or many": `check { … }` once is an object here, twice a list of two,
 * and who decodes takes either where its schema says so. A label is one more level: `service "web" { … }` is
 * `service = { web = { … } }`. Lists of one name are joined; of plain values
 * the last counts. Throws SyntaxFault.
 */
export function readHcl(text: string): Document {
  const positions = new Positions()
  const root = parseHcl(text)
  return { format: 'hcl', value: toObject(root.items, [], positions), positions }
}

/** What is written under one name of an object: the rest of its labels if any, then its value. */
interface Written {
  readonly item: HclItem
  readonly at: Position
}

function toObject(items: readonly HclItem[], path: Path, positions: Positions): DocumentObject {
  const byName = new Map<string, Written[]>()
  for (const item of items) {
    const [key] = item.keys
    if (key === undefined) continue
    const written = byName.get(key.name) ?? []
    written.push({ item: { ...item, keys: item.keys.slice(1) }, at: key.at })
    byName.set(key.name, written)
  }
  return Object.fromEntries(
    Array.from(byName, ([name, written]) => [name, gather(written, [...path, name], positions)]),
  )
}

/** Blocks and lists of one name are put one after the other; of anything else the last counts. */
function gather(written: readonly Written[], path: Path, positions: Positions): DocumentValue {
  const last = must(written.at(-1), 'a name is there because something was written under it')
  positions.put(path, last.at)
  if (written.length === 1 || !written.every(isMany)) return toValue(last.item, path, positions)
  return fromNodes(written.flatMap(nodesOf), path, positions)
}

function isMany({ item }: Written): boolean {
  return item.keys.length > 0 || item.value.kind !== 'literal'
}

function nodesOf({ item, at }: Written): readonly HclNode[] {
  if (item.keys.length > 0) return [{ kind: 'object', items: [item], at }]
  return item.value.kind === 'list' ? item.value.items : [{ ...item.value, at }]
}

function toValue(item: HclItem, path: Path, positions: Positions): DocumentValue {
  return item.keys.length > 0
    ? toObject([item], path, positions)
    : fromNode(item.value, path, positions)
}

function fromNode(node: HclNode, path: Path, positions: Positions): DocumentValue {
  if (node.kind === 'literal') return node.value
  if (node.kind === 'object') return toObject(node.items, path, positions)
  return fromNodes(node.items, path, positions)
}

function fromNodes(nodes: readonly HclNode[], path: Path, positions: Positions): DocumentValue {
  return nodes.map((node, index) => {
    positions.put([...path, index], node.at)
    return fromNode(node, [...path, index], positions)
  })
}
