import { createSocket } from 'node:dgram'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { must } from '../../server/model/assert.ts'
import { dockerTarget, grpcTarget, httpTarget, tcpTarget } from '../support/check-targets.ts'

/** What services are checked by, and what answers the checks. */
export interface Kinds extends AsyncDisposable {
  readonly names: readonly string[]
  /** The kind of check that the client with that number has. */
  readonly at: (client: number) => string
  /** How the client with that number is told of its services. */
  readonly flagsFor: (client: number) => readonly string[]
  /** Where clients find Docker and systemd: ours, that a host need not have either. */
  readonly env: Readonly<Record<string, string>>
}

/** Every client has the service `everywhere`, and one that is called as the kind of its check. */
export async function kindsOfChecks(): Promise<Kinds> {
  await using stack = new AsyncDisposableStack()
  const http = stack.use(await httpTarget())
  const tcp = stack.use(await tcpTarget('hello'))
  const grpc = stack.use(await grpcTarget())
  const udp = await udpEcho(stack)
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), 'fleet-')))
  const docker = join(path, 'docker.sock')
  stack.use(await dockerTarget(docker))
  await writeFile(join(path, 'systemctl'), systemctl, { mode: 0o755 })
  const checks: Readonly<Record<string, string>> = {
    http: `http = "http://127.0.0.1:${http.port}/ok" interval = "2s"`,
    tcp: `tcp = "127.0.0.1:${tcp.port}" interval = "2s"`,
    udp: `udp = "127.0.0.1:${udp}" interval = "2s"`,
    grpc: `grpc = "127.0.0.1:${grpc.port}" interval = "2s"`,
    h2ping: `h2ping = "127.0.0.1:${grpc.port}" h2ping_use_tls = false interval = "2s"`,
    docker: 'docker_container_id = "c1" args = ["true"] interval = "2s"',
    os_service: 'os_service = "web.service" interval = "2s"',
    script: 'args = ["true"] interval = "2s"',
    ttl: 'ttl = "1h" status = "passing"',
    alias: 'alias_service = "everywhere"',
  }
  const names = Object.keys(checks)
  const at = (client: number): string => must(names[client % names.length], 'a kind')
  const owned = stack.move()
  return {
    names,
    at,
    env: { DOCKER_HOST: `unix://${docker}`, PATH: `${path}:${process.env['PATH'] ?? ''}` },
    flagsFor: (client) => [
      '-hcl=enable_local_script_checks = true',
      // All of them in one answer, which is too long for a datagram.
      '-hcl=dns_config { udp_answer_limit = 100 enable_truncate = true }',
      '-hcl=service { name = "everywhere" port = 80 }',
      `-hcl=service { name = "${at(client)}" port = 81 check { ${checks[at(client)]} } }`,
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Knows one unit, which is well. */
const systemctl = `#!/bin/sh
[ "$*" = "is-active -- web.service" ] && echo active
`

async function udpEcho(stack: AsyncDisposableStack): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => socket.send(message, from.port, from.address))
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', () => resolve())
  })
  stack.defer(() => void socket.close())
  return socket.address().port
}
