import { describeError } from '../../server/model/errors.ts'
import { encodeJson } from '../../server/model/json.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { Authorities } from '../checks/authorities.ts'
import { CheckFault } from '../checks/kind.ts'
import { askWeb } from '../checks/web.ts'
import { CommandFault, runCommand } from '../command/command.ts'
import { describeEnd } from '../command/end.ts'
import type { PipePool } from '../command/pipe.ts'
import { Tail } from '../command/tail.ts'
import type { CommandHandler, HttpHandler } from './definition.ts'
import type { View } from './kind.ts'

export interface HandlerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly pipes: PipePool
  readonly authorities: Authorities
}

/** As much of what a handler says as is logged: the end. */
const outputMaxBytes = 4096

/** Tells a handler what is seen, and resolves when it has taken that in. What goes wrong is logged: the watch goes on. */
export function handle(
  handler: CommandHandler | HttpHandler,
  view: View,
  deps: HandlerDeps,
): Promise<void> {
  const body = `${encodeJson(view.value)}\n`
  return handler.kind === 'http'
    ? post(handler, body, view.index, deps)
    : run(handler, body, view.index, deps)
}

/** May take as long as it likes, and go on when the agent ends: it may be what restarts the agent. */
async function run(
  { args }: CommandHandler,
  input: string,
  index: string,
  { log, pipes }: HandlerDeps,
): Promise<void> {
  const named = { watch_handler: args.join(' ') }
  const output = new Tail(outputMaxBytes)
  const { signal } = new AbortController()
  try {
    const options = { env: { CONSUL_INDEX: index }, input, output, signal, pipes }
    const { code, killedBy } = await runCommand(args, options)
    const error = describeEnd(code, killedBy)
    if (error !== undefined) log.error({ ...named, error }, 'Failed to run watch handler')
    log.debug({ ...named, output: output.report() }, 'watch handler output')
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    log.error({ ...named, error: describeError(error) }, 'Failed to run watch handler')
  }
}

async function post(
  { url, method, headers, timeoutMs, skipVerify }: HttpHandler,
  body: string,
  index: string,
  { clock, log, authorities }: HandlerDeps,
): Promise<void> {
  const late = new AbortController()
  const timer = clock.after(timeoutMs, () => late.abort())
  try {
    const answer = await askWeb(
      {
        url,
        method,
        body,
        headers: {
          'User-Agent': ['Go-http-client/1.1'],
          'Content-Type': ['application/json'],
          'X-Consul-Index': [index],
          ...headers,
        },
        skipVerify,
      },
      { outputMaxBytes, signal: late.signal, authorities },
    )
    const said = { watch: url, output: answer.body.report() }
    if (answer.status >= 200 && answer.status <= 299) log.trace(said, 'http watch handler output')
    else {
      const status = `${answer.status} ${answer.reason}`
      log.error({ ...said, status }, 'http watch handler failed with output')
    }
  } catch (error) {
    if (!(error instanceof CheckFault)) throw error
    const why = describeError(error)
    log.error({ watch: url, error: why }, 'Failed to invoke http watch handler')
  } finally {
    timer.cancel()
  }
}
