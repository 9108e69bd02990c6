import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const startMs = 20_000
const askAgainMs = 100

/** What a command in the house said, and how it ended. */
export interface Said {
  readonly code: number
  readonly text: string
}

/** A systemd that is process 1 of namespaces of its own (house.sh). Needs root. */
export interface House extends AsyncDisposable {
  readonly run: (command: string, ...args: readonly string[]) => Promise<Said>
}

/** Throws where systemd doesn't come up. */
export async function openHouse(project: string): Promise<House> {
  const namespaces = ['--mount', '--pid', '--cgroup', '--ipc', '--uts', '--mount-proc']
  const script = join(import.meta.dirname, 'house.sh')
  const house = spawn('unshare', [...namespaces, '--fork', '--kill-child', 'sh', script, project], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const over = once(house, 'close')
  const close = async (): Promise<void> => {
    house.kill('SIGKILL')
    await over
  }
  const inside = async (command: string, ...args: readonly string[]): Promise<Said> => {
    const first = await childOf(house.pid ?? 0)
    const enter = ['-t', first, '--mount', '--pid', '--cgroup', '--ipc', '--uts', '--']
    try {
      const { stdout, stderr } = await run('nsenter', [...enter, command, ...args])
      return { code: 0, text: stdout + stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, text: `${stdout}${stderr}` }
    }
  }
  try {
    const deadline = Date.now() + startMs
    for (;;) {
      if (house.exitCode !== null) throw new Error('systemd did not start')
      const { text } = await inside('systemctl', 'is-active', 'house.target').catch(() => ({
        text: '',
      }))
      if (text.trim() === 'active') break
      if (Date.now() > deadline) throw new Error(`systemd did not come up: ${text}`)
      await sleep(askAgainMs)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { run: inside, [Symbol.asyncDispose]: close }
}

/** unshare(1) stays outside; its child is process 1 within. */
async function childOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const [first = ''] = text.trim().split(' ')
  if (first === '') throw new Error('there is nobody in the house yet')
  return first
}
