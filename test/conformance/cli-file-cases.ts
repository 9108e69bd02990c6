import type { Invocation } from './cli-cases.ts'

function run(line: string, more: Omit<Invocation, 'args'> = {}): Invocation {
  return { args: line.split(' '), ...more }
}

const authority = ['consul-agent-ca.pem', 'consul-agent-ca-key.pem']

function pair(name: string): readonly string[] {
  return [`${name}.pem`, `${name}-key.pem`]
}

/** What makes authorities and certificates: the files, their permissions, and what is in them. */
const tls: readonly Invocation[] = [
  ...['tls', 'tls ca', 'tls cert'].flatMap((group) => [
    run(group),
    run(`${group} -h`),
    run(`${group} nope`),
  ]),
  run('tls ca create -h'),
  run('tls cert create -h'),
  run('tls cert create -server'),
  run('tls ca create', { files: authority }),
  run('tls ca create'),
  run('tls ca create x'),
  run('tls ca create -domain=foo -days=7', { files: ['foo-agent-ca.pem', 'foo-agent-ca-key.pem'] }),
  run('tls ca create -domain=bar -name-constraint -additional-name-constraint=a.b', {
    files: ['bar-agent-ca.pem'],
  }),
  run('tls ca create -domain=baz -additional-name-constraint=a.b', { files: ['baz-agent-ca.pem'] }),
  run('tls ca create -domain=new/er/x', { files: ['new', 'new/er/x-agent-ca.pem'] }),
  run('tls cert create'),
  run('tls cert create x'),
  run('tls cert create -server', { files: pair('dc1-server-consul-0') }),
  run('tls cert create -server', { files: pair('dc1-server-consul-1') }),
  run('tls cert create -server x', { files: pair('dc1-server-consul-2') }),
  run('tls cert create -server -client'),
  run('tls cert create -server -cli'),
  run('tls cert create -client', { files: pair('dc1-client-consul-0') }),
  run(
    'tls cert create -client -additional-dnsname=a.b -additional-dnsname=c -additional-ipaddress=1.2.3.4 -days=3',
    {
      files: pair('dc1-client-consul-1'),
    },
  ),
  run('tls cert create -client -additional-ipaddress=x'),
  run('tls cert create -client -additional-dnsname='),
  run('tls cert create -cli', { files: pair('dc1-cli-consul-0') }),
  run('tls cert create -cli -node=x'),
  run('tls cert create -client -node=x'),
  run('tls cert create -server -node=n7 -dc=dc2', { files: pair('dc2-server-consul-0') }),
  run('tls cert create -server -domain=foo', { files: pair('dc1-server-foo-0') }),
  run('tls cert create -server -domain=none'),
  run('tls cert create -server -ca=foo-agent-ca.pem -key=foo-agent-ca-key.pem -dc=dc3', {
    files: pair('dc3-server-consul-0'),
  }),
  run('tls cert create -server -ca=nofile.pem'),
  run('tls cert create -server -key=nofile.pem'),
  run('tls cert create -server -ca=data.txt'),
  run('tls cert create -server -key=data.txt'),
  run('tls cert create -client -ca=foo-agent-ca.pem', { ignored: /"\w+ Agent CA \d+"/ }),
]

/** What records an agent: what can't be asked for, and what is made of it. */
const debug: readonly Invocation[] = [
  run('debug -h'),
  run('debug -nope'),
  run('debug x'),
  run('debug -duration=1s'),
  run('debug -interval=1s', { explained: 'Consul says 10s where it means 5s' }),
  run('debug -duration=10s -interval=20s'),
  run('debug -capture=nope'),
  run('debug -output=data.txt'),
  run('debug', { env: { CONSUL_HTTP_ADDR: '127.0.0.1:1' } }),
  run(
    'debug -capture=agent -capture=host -capture=cluster -output=static -duration=10s -interval=5s',
    {
      files: ['static.tar.gz'],
    },
  ),
  run('debug -output=static -capture=agent -duration=10s'),
  run(
    'debug -capture=metrics -capture=pprof -capture=logs -archive=false -output=dynamic -duration=10s -interval=5s',
    {
      files: ['dynamic'],
      // The last interval may or may not be over when the time is.
      ignored: /^==> Capture successful .*\n/gm,
    },
  ),
]

const moreCommands = 'there are more commands here, and fewer'
const moreFlags = 'flags are completed too'

/** What shells are told may stand at the end of a line. */
const completion: readonly Invocation[] = [
  complete('consul ', moreCommands),
  complete('consul k'),
  complete('consul kv '),
  complete('consul kv g'),
  complete('consul kv get '),
  complete('consul kv get -', moreFlags),
  complete('consul kv get -keys -', moreFlags),
  complete('consul operator '),
  complete('consul operator raft ', moreCommands),
  complete('consul snapshot '),
  complete('consul services r'),
  complete('consul tls '),
  complete('consul tls ca '),
  complete('consul exec -', moreFlags),
  complete('consul nope ', 'Consul goes on as if nothing had been said'),
  complete('consul -'),
]

function complete(line: string, explained?: string): Invocation {
  return {
    args: [],
    env: { COMP_LINE: line },
    sorted: true,
    ...(explained === undefined ? {} : { explained }),
  }
}

export const fileCases: readonly Invocation[] = [...tls, ...debug, ...completion]
