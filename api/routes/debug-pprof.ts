import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import type { ProfilerPort } from '../ports.ts'
import type { App, Asked, Reply, Request } from '../request.ts'
import { optional, restOfPath } from '../schemas.ts'

/** What the process does, under the paths that Go programs have it at and in the format of pprof, so that their tools work. */
export function debugPprofRoutes(
  app: App,
  { profiler }: { readonly profiler?: ProfilerPort },
): void {
  app.get<Asked>('/debug/pprof/*', { schema }, async (request, reply) => {
    if (profiler === undefined) throw new PraetorError('unsupported', 'ACL support disabled')
    const name = request.params['*']
    if (name === '') return reply.typed('text/html; charset=utf-8', listing)
    const profile = profiles[name]
    if (profile === undefined)
      return reply.plain(404, 'Unknown profile\n', ['X-Content-Type-Options', 'nosniff'])
    await profile(profiler, request, reply, name)
  })
}

/** Go's own default, and an end to what somebody may ask for. */
const secondsDefault = 30
const secondsMax = 600

type Answer = (
  profiler: ProfilerPort,
  request: Request,
  reply: Reply,
  name: string,
) => Promise<void>

const profiles: Readonly<Record<string, Answer>> = {
  cmdline: async (profiler, _request, reply) =>
    reply.plain(200, profiler.commandLine().join('\0'), ['X-Content-Type-Options', 'nosniff']),
  profile: async (profiler, request, reply, name) =>
    attach(reply, name, await profiler.cpu(durationMsOf(request), request.signal)),
  trace: async (profiler, request, reply, name) =>
    attach(reply, name, await profiler.timeline(durationMsOf(request), request.signal)),
  heap: async (profiler, _request, reply, name) => attach(reply, name, await profiler.heap()),
  goroutine: async (profiler, _request, reply, name) =>
    attach(reply, name, await profiler.waiting()),
}

const rows = Object.keys(profiles).map((name) => `<li><a href="${name}">${name}</a></li>\n`)
const listing = `<html>\n<title>/debug/pprof/</title>\n<ul>\n${rows.join('')}</ul>\n</html>\n`

function attach(reply: Reply, name: string, bytes: Uint8Array | string): void {
  const disposition = ['Content-Disposition', `attachment; filename="${name}"`]
  const headers = [...disposition, 'X-Content-Type-Options', 'nosniff']
  reply.typed('application/octet-stream', bytes, headers)
}

function durationMsOf({ query }: Request): number {
  const seconds = Number(query.get('seconds'))
  if (!(seconds > 0)) return secondsDefault * 1000
  if (seconds > secondsMax)
    throw new PraetorError('bad-request', `profile duration exceeds ${secondsMax} s`)
  return seconds * 1000
}

const schema = {
  summary: 'Profiles of this process, where enable_debug allows it',
  params: restOfPath('profile, heap and goroutine are for pprof, trace is a .cpuprofile; cmdline.'),
  querystring: Type.Object({ seconds: optional('How long to sample: 30 by default.') }),
  response: { 200: Type.String() },
}
