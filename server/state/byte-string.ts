const beyondAscii = /[\u0080-\uffff]/

/** A string whose units are the UTF-8 bytes of the text: such strings compare as their bytes do. */
export function byteString(text: string): string {
  return beyondAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

/** The text that a byte string stands for. */
export function textOf(bytes: string): string {
  return beyondAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes
}
