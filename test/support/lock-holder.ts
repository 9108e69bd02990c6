/**
 * A client as there are many: it takes a lock with a session that it keeps alive, remembers the index it read the lock at, and
 * does its work when it is told to, by a line on standard input. Run as a process of its own, so that it can be paused.
 *
 *     node lock-holder.ts PORT NAME
 */
const [port = '', name = ''] = process.argv.slice(2)

async function ask(path: string, body = ''): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1${path}`, { method: 'PUT', body })
  return { status: response.status, text: await response.text() }
}

const made = await ask('/session/create', JSON.stringify({ TTL: '1s', LockDelay: '0s' }))
const { ID } = JSON.parse(made.text) as { ID: string }
setInterval(() => void ask(`/session/renew/${ID}`).catch(() => {}), 300)

let index = 0
while (index === 0) {
  await ask(`/kv/leader?acquire=${ID}`, name)
  const read = await fetch(`http://127.0.0.1:${port}/v1/kv/leader?consistent`)
  const [row] = (await read.json()) as { Session?: string; ModifyIndex: number }[]
  if (row?.Session === ID) index = row.ModifyIndex
  else await new Promise((resolve) => setTimeout(resolve, 100))
}
process.stdout.write(`holding\n`)

for await (const line of process.stdin) {
  const fence = String(line).startsWith('careless') ? '' : `?fence=leader:${index}`
  const { status, text } = await ask(`/kv/data${fence}`, name)
  process.stdout.write(`wrote ${status} ${text.trim()}\n`)
}
