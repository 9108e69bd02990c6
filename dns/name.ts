/**
 * What a name asks for. Names are read from the right: the last label that is a marker says which form it is; what stands before
 * it is the form's own, what stands after it may be one datacenter.
 */
export type Form =
  | { readonly kind: 'node'; readonly node: string; readonly datacenter: string }
  | {
      readonly kind: 'service'
      readonly service: string
      /** `''` for any. */
      readonly tag: string
      readonly datacenter: string
    }
  | { readonly kind: 'connect'; readonly service: string; readonly datacenter: string }
  | { readonly kind: 'ingress'; readonly service: string; readonly datacenter: string }
  | { readonly kind: 'query'; readonly query: string; readonly datacenter: string }
  /** 4 or 16 bytes; none where the digits make no address, which is an empty answer and not an unknown name. */
  | { readonly kind: 'addr'; readonly address: Uint8Array | undefined }

/** A marker's form from the labels before it, of which there's at least one. `datacenter` is `''` where none was given. */
type Parse = (parts: readonly string[], datacenter: string) => Form | undefined

const markers: Readonly<Record<string, Parse>> = {
  node: (parts, datacenter) => ({ kind: 'node', node: parts.join('.'), datacenter }),
  service: parseService,
  connect: (parts, datacenter) => ({ kind: 'connect', service: parts.at(-1) ?? '', datacenter }),
  ingress: (parts, datacenter) => ({ kind: 'ingress', service: parts.at(-1) ?? '', datacenter }),
  query: (parts, datacenter) => ({ kind: 'query', query: parts.join('.'), datacenter }),
  addr: parseAddr,
}

/**
 * The form of a name, given as its labels without the domain, in lower case. `undefined` for a name that can't exist. For an SRV
 * question `_name._tag` means a service even without the marker (RFC 2782).
 */
export function parseName(labels: readonly string[], isSrv: boolean): Form | undefined {
  for (let at = labels.length - 1; at >= 0; at -= 1) {
    const label = labels[at] ?? ''
    if (Object.hasOwn(markers, label))
      return formOf(label, labels.slice(0, at), labels.slice(at + 1))
    if (isSrv && label.startsWith('_'))
      return formOf('service', labels.slice(0, at + 1), labels.slice(at + 1))
  }
  return undefined
}

function formOf(
  marker: string,
  parts: readonly string[],
  suffixes: readonly string[],
): Form | undefined {
  if (parts.length === 0) return undefined
  // An address belongs to no datacenter: Consul takes whatever follows the marker.
  if (marker !== 'addr' && suffixes.length > 1) return undefined
  return markers[marker]?.(parts, suffixes[0] ?? '')
}

/** `_service._tag`, or `[tag.]service` where the tag may have dots. The tag `tcp` of the first means none (RFC 2782). */
function parseService(parts: readonly string[], datacenter: string): Form {
  const [first = '', second = ''] = parts
  if (parts.length === 2 && first.startsWith('_') && second.startsWith('_')) {
    const tag = second.slice(1)
    return { kind: 'service', service: first.slice(1), tag: tag === 'tcp' ? '' : tag, datacenter }
  }
  return {
    kind: 'service',
    service: parts.at(-1) ?? '',
    tag: parts.slice(0, -1).join('.'),
    datacenter,
  }
}

function parseAddr(parts: readonly string[]): Form | undefined {
  const [digits = ''] = parts
  if (parts.length !== 1) return undefined
  // Consul looks at the number of whole bytes first: of other lengths it doesn't even ask whether they are hexadecimal.
  const sizeBytes = digits.length >> 1
  if (sizeBytes !== 4 && sizeBytes !== 16) return { kind: 'addr', address: undefined }
  if (digits.length % 2 !== 0 || !/^[0-9a-f]+$/.test(digits)) return undefined
  return { kind: 'addr', address: Uint8Array.from(Buffer.from(digits, 'hex')) }
}

/** The labels before the domain, where the name is the domain or below it. Both in lower case. */
export function labelsBelow(
  labels: readonly string[],
  domain: readonly string[],
): readonly string[] | undefined {
  const below = labels.length - domain.length
  if (domain.length === 0 || below < 0) return undefined
  return domain.every((label, at) => labels[below + at] === label)
    ? labels.slice(0, below)
    : undefined
}

/** The address a reverse name stands for (RFC 1035 §3.5, RFC 3596 §2.5), in 4 or 16 bytes. Labels in lower case. */
export function parseReverseName(labels: readonly string[]): Uint8Array | undefined {
  const octets = labelsBelow(labels, ['in-addr', 'arpa'])
  if (octets?.length === 4 && octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet))) {
    const numbers = octets.map(Number).toReversed()
    return numbers.every((number) => number <= 255) ? Uint8Array.from(numbers) : undefined
  }
  const nibbles = labelsBelow(labels, ['ip6', 'arpa'])
  if (nibbles?.length === 32 && nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble)))
    return Uint8Array.from(Buffer.from(nibbles.toReversed().join(''), 'hex'))
  return undefined
}
