import { Resolver } from 'node:dns/promises'

/** Every instance of a service, by the targets of its SRV records: over TCP, for they may be many. */
export async function lookUp(port: number, name: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 5_000, tries: 2 })
  resolver.setServers([`127.0.0.1:${port}`])
  const records = await resolver.resolveSrv(name)
  return records.map((record) => record.name)
}
