/**
 * Unsigned 64-bit numbers that belong to clients (`Flags`, event indexes) must come back digit for digit. Nearly all are small,
 * so they are plain numbers where those are exact and bigints where not.
 */
export type Unsigned64 = number | bigint

const max = 2n ** 64n - 1n

/** Go's `strconv.ParseUint(text, 10, 64)`, with its error text. */
export function parseUnsigned64(
  text: string,
):
  | { readonly ok: true; readonly value: Unsigned64 }
  | { readonly ok: false; readonly error: string } {
  if (!/^\d+$/.test(text))
    return {
      ok: false,
      error: `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    }
  const exact = BigInt(text)
  if (exact > max)
    return {
      ok: false,
      error: `strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`,
    }
  return { ok: true, value: narrow(exact) }
}

/** The number where it is exact, else the bigint: equal values are then equal by `===`. */
export function narrow(value: bigint): Unsigned64 {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}
