import { readFile } from 'node:fs/promises'

/** The numbers of a user and a group that were given by name or number; `''` is nobody in particular. */
export async function accountIds({
  user,
  group,
}: {
  readonly user: string
  readonly group: string
}): Promise<{ readonly uid: number | undefined; readonly gid: number | undefined }> {
  return {
    uid: await lookUp(user, '/etc/passwd', 'user'),
    gid: await lookUp(group, '/etc/group', 'group'),
  }
}

async function lookUp(name: string, path: string, what: string): Promise<number | undefined> {
  if (name === '') return undefined
  if (/^\d+$/.test(name)) return Number(name)
  const lines = (await readFile(path, 'utf8')).split('\n')
  const found = lines.map((line) => line.split(':')).find(([first]) => first === name)
  if (found === undefined) throw new Error(`unknown ${what} ${name}`)
  return Number(found[2])
}
