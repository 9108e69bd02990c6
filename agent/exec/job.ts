import { posix } from 'node:path'

import { nanosecondsPerMs } from '../../server/model/duration.ts'
import { encodeJson } from '../../server/model/json.ts'

/**
 * Remote execution as Consul has it, for those who ask and those who carry out. Who asks writes a job under a key that its session
 * holds, and fires an event of a name of its own; every agent that the event is for writes below that key what becomes of the job
 * there, holding each key by the same session. With the session all of it is gone.
 */
export const execEventName = '_rexec'

/** What is below the key of a session: the job, and below the name of each node what becomes of it there. */
export const jobName = 'job'
export const ackName = 'ack'
export const exitName = 'exit'
export const outputName = 'out'

/** What is to be run: a line for a shell, words, or a script. */
export interface Job {
  readonly command: string
  readonly args: readonly string[]
  readonly script: Uint8Array
  /** How long who asked goes on waiting where nothing comes. */
  readonly waitMs: number
}

/** Where the job is, as the event tells it. */
export interface JobCall {
  readonly prefix: string
  readonly session: string
}

/** The key of a call, and of what is below it. */
export function callKey({ prefix, session }: JobCall, ...below: readonly string[]): string {
  return posix.join(prefix, session, ...below)
}

/** Output is in the order of these names. */
export function outputPart(number: number): string {
  return posix.join(outputName, number.toString(16).padStart(5, '0'))
}

export function encodeJob({ command, args, script, waitMs }: Job): string {
  return encodeJson({
    ...(command === '' ? {} : { Command: command }),
    ...(args.length === 0 ? {} : { Args: args }),
    ...(script.length === 0 ? {} : { Script: Buffer.from(script).toString('base64') }),
    Wait: waitMs * nanosecondsPerMs,
  })
}

/** Undefined for what is no job. */
export function decodeJob(json: Uint8Array): Job | undefined {
  const fields = fieldsOf(json)
  if (fields === undefined) return undefined
  const { Command: command = '', Args: args, Script: script = '', Wait: wait = 0 } = fields
  const words = args ?? []
  if (typeof command !== 'string' || typeof script !== 'string' || typeof wait !== 'number')
    return undefined
  if (!Array.isArray(words) || !words.every((word): word is string => typeof word === 'string'))
    return undefined
  return {
    command,
    args: words,
    script: Buffer.from(script, 'base64'),
    waitMs: wait / nanosecondsPerMs,
  }
}

export function encodeCall({ prefix, session }: JobCall): string {
  return encodeJson({ Prefix: prefix, Session: session })
}

/** Undefined for what is no call. */
export function decodeCall(json: Uint8Array): JobCall | undefined {
  const { Prefix: prefix = '', Session: session } = fieldsOf(json) ?? {}
  return typeof prefix === 'string' && typeof session === 'string' ? { prefix, session } : undefined
}

function fieldsOf(json: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(json).toString())
    return typeof value === 'object' && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
