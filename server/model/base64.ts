/**
 * RFC 4648 §4, padded, as Go's StdEncoding insists; line breaks are passed over. The error is Go's, with the byte that it stops at:
 * the one that is wrong, or where the group begins that is cut short.
 */
export function decodeBase64(
  text: string,
):
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: string } {
  const corrupt = wellFormed.test(text) ? undefined : corruptByte(Buffer.from(text))
  return corrupt === undefined
    ? { ok: true, bytes: new Uint8Array(Buffer.from(text, 'base64')) }
    : { ok: false, error: `illegal base64 data at input byte ${corrupt}` }
}

/** What nearly all of it is like, without a look at each byte. */
const wellFormed = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const [newline, carriageReturn, padding] = [0x0a, 0x0d, 0x3d]

function corruptByte(bytes: Uint8Array): number | undefined {
  let at = 0
  const passBreaks = (): void => {
    while (bytes[at] === newline || bytes[at] === carriageReturn) at += 1
  }
  for (let inGroup = 0; ; inGroup = (inGroup + 1) % 4) {
    passBreaks()
    const byte = bytes[at]
    if (byte === undefined) return inGroup === 0 ? undefined : at - inGroup
    if (byte === padding) {
      if (inGroup < 2) return at
      at += 1
      if (inGroup === 2) {
        passBreaks()
        if (at === bytes.length) return at
        if (bytes[at] !== padding) return at - 1
        at += 1
      }
      passBreaks()
      return at < bytes.length ? at : undefined
    }
    if (!isDigit(byte)) return at
    at += 1
  }
}

function isDigit(byte: number): boolean {
  return /[A-Za-z0-9+/]/.test(String.fromCharCode(byte))
}
