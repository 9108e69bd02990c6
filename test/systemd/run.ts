/**
 * The unit under a real systemd, as process 1 of namespaces of its own: `npm run test:systemd`, as root on a Linux with systemd. The
 * agent runs there from this source as the account `praetor`: start, reload, a mistake, a hang, kill -9, stop and leave. The watchdog
 * has 4 s instead of 30. Ends with 1 where anything is not as it should be.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort } from '../support/agent-process.ts'
import { openHouse } from './house.ts'

const project = join(import.meta.dirname, '../..')
const patienceMs = 40_000
const unit = 'praetor.service'
let failed = 0

function check(name: string, holds: boolean, detail = ''): void {
  if (!holds) failed += 1
  console.log(`${holds ? 'ok' : 'NOT OK'}  ${name}${detail === '' ? '' : ` (${detail})`}`)
}

await using house = await openHouse(project)
const http = await freePort()
const ports = `ports { http = ${http} dns = -1 server = ${await freePort()} serf_lan = ${await freePort()} serf_wan = -1 }`
const settings = `server = true bootstrap_expect = 1 node_name = "host" data_dir = "/var/lib/praetor" ${ports}`

const node = process.execPath.startsWith(`${project}/`)
  ? process.execPath.replace(project, '/srv')
  : process.execPath
await write('/usr/bin/praetor', `#!/bin/sh\nexec ${node} /srv/agent/main.ts "$@"`, '755')
await must('install', '-m644', '/srv/systemd/praetor.sysusers.conf', '/etc/praetor-sysusers.conf')
await must('systemd-sysusers', '/etc/praetor-sysusers.conf')
await must('systemd-tmpfiles', '--create', '/srv/systemd/praetor.tmpfiles.conf')
await must('install', '-m644', '/srv/systemd/praetor.service', '/etc/systemd/system/')
await must('mkdir', '-p', '/etc/systemd/system/praetor.service.d')
await write('/etc/systemd/system/praetor.service.d/quick.conf', '[Service]\nWatchdogSec=4')
await configure('')
await must('systemctl', 'daemon-reload')
const verified = await house.run('systemd-analyze', 'verify', '--man=no', unit)
check('the unit is well-formed', verified.code === 0, verified.text.trim())

const started = await house.run('systemctl', 'start', unit)
check('it starts, and says when it is ready', started.code === 0)
if (started.code !== 0)
  throw new Error((await house.run('journalctl', '--no-pager', '-b', '-n', '30')).text)
check('it is active', (await show('ActiveState')) === 'active')
check('as an account of its own', (await ownerOf(await show('MainPID'))) === 'praetor')
await untilLeading()
const saysSo = await until(async () => (await show('StatusText')).endsWith('is up'))
check('it leads, and its status says so', saysSo, await show('StatusText'))

await configure('service { name = "web" port = 80 }')
check('it reloads', (await house.run('systemctl', 'reload', unit)).code === 0)
check('and has what is new', (await ask('agent/services')).includes('"web"'))
await configure('service {')
await house.run('systemctl', 'reload', unit)
const isTold = await until(async () =>
  (await show('StatusText')).includes('/etc/praetor.d/agent.hcl'),
)
check('a mistake is told in its status', isTold, await show('StatusText'))
check('and changes nothing', (await ask('agent/services')).includes('"web"'))
await configure('service { name = "web" port = 80 }')
await must('systemctl', 'reload', unit)

check('a hang ends by the watchdog', await startsAgainAfter('STOP'), await show('NRestarts'))
check('kill -9 is mended', await startsAgainAfter('KILL'), await show('NRestarts'))
check('so is a SIGTERM that nobody asked for', await startsAgainAfter('TERM'))
await untilLeading()
check('its services are there again', (await ask('agent/services')).includes('"web"'))

check('it stops', (await house.run('systemctl', 'stop', unit)).code === 0)
check('which is no failure', (await show('ActiveState')) === 'inactive', await show('Result'))
await must('systemctl', 'start', unit)
await untilLeading()
await must('praetor', 'leave', `-http-addr=127.0.0.1:${http}`)
await until(async () => (await show('ActiveState')) === 'inactive')
await sleep(3_000)
check('who left stays away', (await show('ActiveState')) === 'inactive')

const unitFile = join(project, 'systemd/praetor.service')
const rating = execFileSync('systemd-analyze', ['security', '--offline=true', unitFile], {
  encoding: 'utf8',
})
console.log(rating.trim().split('\n').at(-1))
process.exitCode = failed === 0 ? 0 : 1

async function must(command: string, ...args: readonly string[]): Promise<void> {
  const { code, text } = await house.run(command, ...args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${text}`)
}

async function write(path: string, text: string, mode = '644'): Promise<void> {
  await must('sh', '-c', 'printf "%s\\n" "$2" > "$1" && chmod "$3" "$1"', 'sh', path, text, mode)
}

function configure(more: string): Promise<void> {
  return write('/etc/praetor.d/agent.hcl', `${settings}\n${more}`)
}

async function show(property: string): Promise<string> {
  const { text } = await house.run('systemctl', 'show', '--value', '-p', property, unit)
  return text.trim()
}

async function ownerOf(pid: string): Promise<string> {
  return (await house.run('stat', '-c', '%U', `/proc/${pid}`)).text.trim()
}

async function ask(path: string): Promise<string> {
  const signal = AbortSignal.timeout(2_000)
  const answer = await fetch(`http://127.0.0.1:${http}/v1/${path}`, { signal }).catch(
    () => undefined,
  )
  return (await answer?.text().catch(() => '')) ?? ''
}

/** Whether another process came after the signal. */
async function startsAgainAfter(signal: string): Promise<boolean> {
  const before = await show('MainPID')
  await must('kill', `-${signal}`, before)
  return until(
    async () =>
      !['0', before].includes(await show('MainPID')) && (await show('ActiveState')) === 'active',
  )
}

async function untilLeading(): Promise<void> {
  if (!(await until(async () => (await ask('status/leader')).includes(':'))))
    throw new Error('it does not lead')
}

async function until(holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + patienceMs
  while (!(await holds())) {
    if (Date.now() > deadline) return false
    await sleep(200)
  }
  return true
}
