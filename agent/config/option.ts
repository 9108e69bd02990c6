import type { Kind, Struct } from '../../server/model/decode.ts'
import type { Flag } from '../cli/flags.ts'

/** One setting: what every part that handles settings needs to know of it. */
export interface Option<Value = unknown> {
  readonly kind: Kind
  readonly initial: Value
  readonly reloadable: boolean
  readonly doc: string
  readonly flag?: Flag
  /** Any value is met already. */
  readonly moot?: true
}

export interface Row {
  readonly doc?: string
  readonly flag?: string
  readonly reloadable?: true
}

function option<Value>(
  kind: Kind,
  flagKind: Flag['kind'],
  initial: Value,
  row: Row,
): Option<Value> {
  const { doc = notYet, flag, reloadable = false } = row
  return {
    kind,
    initial,
    reloadable,
    doc,
    ...(flag === undefined
      ? {}
      : { flag: { name: flag, kind: flagKind, optional: true as const, doc } }),
  }
}

export function string(initial: string, row: Row): Option<string> {
  return option('string', 'string', initial, row)
}

export function bool(initial: boolean, row: Row): Option<boolean> {
  return option('bool', 'bool', initial, row)
}

/** What it is when nobody says depends on whether the agent is a server: see resolve.ts. */
export function boolByRole(row: Row): Option<boolean | undefined> {
  return option<boolean | undefined>('bool', 'bool', undefined, row)
}

export function int(initial: number, row: Row): Option<number> {
  return option('int', 'int', initial, row)
}

/** As text: Consul decodes files first and looks at durations later, all of them together (resolve.ts). */
export function duration(initial: string, row: Row): Option<string> {
  return option('string', 'string', initial, row)
}

/** Go's unsigned numbers, by the name that its errors show. */
export function unsigned(name: string, initial: number, row: Row): Option<number> {
  return option({ named: name, as: 'int' }, 'int', initial, row)
}

export function strings(row: Row): Option<readonly string[]> {
  return option({ list: 'string' }, 'string', [], row)
}

/** Objects that are told one by one; several files' are one after the other. */
export function structs<Value>(struct: Struct, row: Row): Option<readonly Value[]> {
  return option<readonly Value[]>({ list: struct }, 'string', [], row)
}

export function map(row: Row): Option<Readonly<Record<string, string>>> {
  return option({ map: 'string' }, 'string', {}, row)
}

export function moot(flag?: string): Option<boolean> {
  const doc = 'Accepted as Consul has it; there is nothing here to turn off.'
  return {
    ...option('bool', 'bool', false, { doc, ...(flag === undefined ? {} : { flag }) }),
    moot: true,
  }
}

/** A figure that Consul has for itself: files may name it, and whatever they say, nothing comes of it. */
export function fixed<Value>(row: Option<Value>): Option<Value> {
  return { ...row, doc: 'Accepted as Consul has it, where no file changes it either.', moot: true }
}

const notYet = 'Known, but not supported by this version of Praetor yet.'

/** Numbers that may have fractions. */
export function float(initial: number, row: Row): Option<number> {
  return option('float', 'string', initial, row)
}

/** Objects and lists of them whose inside isn't looked at until something gives them meaning. */
export function anything(row: Row): Option {
  return option('any', 'string', undefined, row)
}
