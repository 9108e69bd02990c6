import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What a load program saw: requests answered in a second, and how long the slowest in a hundred took. */
export interface Load {
  readonly perSecond: number
  readonly p99Ms: number | undefined
}

/** wrk over HTTP. Throws where any answer was not 2xx, since a refusal is quick and would count as speed. */
export async function wrk(
  url: string,
  {
    args = [],
    clients,
    script,
    seconds,
  }: { args?: readonly string[]; clients: number; script?: string; seconds: number },
): Promise<Load> {
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${clients}`,
    `-d${seconds}s`,
    '--latency',
    ...(script === undefined ? [] : ['-s', script]),
    url,
    ...(args.length === 0 ? [] : ['--', ...args]),
  ])
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)
  if (bad !== null) throw new Error(`${url}: ${bad[1]} answers were refusals`)
  return {
    perSecond: figure(stdout, /Requests\/sec:\s+([\d.]+)/),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
  }
}

/** dnsperf over one UDP socket. Throws where queries were lost or refused. */
export async function dnsperf(
  port: number,
  { questions, seconds }: { questions: string; seconds: number },
): Promise<Load> {
  const { stdout } = await run('dnsperf', [
    '-s',
    '127.0.0.1',
    '-p',
    String(port),
    '-d',
    questions,
    '-l',
    String(seconds),
    '-c1',
    '-T1',
  ])
  const answered = figure(stdout, /NOERROR\s+\d+ \(([\d.]+)%\)/)
  if (answered < 100) throw new Error(`only ${answered} % of the DNS answers were good`)
  return { perSecond: figure(stdout, /Queries per second:\s+([\d.]+)/), p99Ms: undefined }
}

function figure(text: string, pattern: RegExp): number {
  const match = pattern.exec(text)
  if (match === null) throw new Error(`no figure in:\n${text}`)
  return Number(match[1])
}

function milliseconds(match: RegExpExecArray | null): number | undefined {
  if (match === null) return undefined
  const scale: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }
  return Number(match[1]) * (scale[match[2] ?? ''] ?? 1)
}
