import { noLeader, notLeader } from './model/errors.ts'
import type { Participant } from './participant.ts'
import type { SavedSnapshot, SnapshotOptions, Snapshots } from './rpc/snapshot-stream.ts'
import type { Clock } from './runtime/clock.ts'
import { readArchive, writeArchive } from './snapshot-archive.ts'
import type { SnapshotCalls } from './snapshot-calls.ts'

export interface ServerSnapshotsNeeds {
  /** Resolves once this server takes part in its cluster. */
  readonly participant: () => Promise<Participant>
  readonly calls: SnapshotCalls
  readonly clock: Clock
}

/** Snapshots on a server: the leader's, unless any will do. */
export class ServerSnapshots implements Snapshots {
  readonly #needs: ServerSnapshotsNeeds

  constructor(needs: ServerSnapshotsNeeds) {
    this.#needs = needs
  }

  async save(options: SnapshotOptions): Promise<SavedSnapshot> {
    const participant = await this.#needs.participant()
    if (options.stale === true || participant.raft.isLeader()) return this.#own(participant)
    return this.#needs.calls.save(leaderOf(participant, options), { ...options, forwarded: true })
  }

  /** Replaces the state by an archive's. Whoever waits is woken, since any answer may have changed. */
  async restore(archive: AsyncIterable<Uint8Array>, options: SnapshotOptions = {}): Promise<void> {
    const participant = await this.#needs.participant()
    if (!participant.raft.isLeader()) {
      const address = leaderOf(participant, options)
      return this.#needs.calls.restore(address, archive, { ...options, forwarded: true })
    }
    const { meta, state } = await readArchive(archive)
    await participant.raft.restore({ index: meta.Index, chunks: [state] })
  }

  /** The state as Consul's kind of archive. */
  async #own({ raft }: Participant): Promise<SavedSnapshot> {
    const { meta, index, read } = await raft.snapshot()
    const { voters, addresses } = raft.membership()
    const archive = await writeArchive(
      {
        Version: 1,
        ID: `${meta.term}-${index}-${this.#needs.clock.wallMs()}`,
        Index: index,
        Term: meta.term,
        Peers: '',
        Configuration: {
          Servers: voters.map((ID) => ({ Suffrage: 0, ID, Address: addresses[ID] ?? '' })),
        },
        ConfigurationIndex: 1,
      },
      read,
    )
    const lastContactMs = raft.isLeader() ? 0 : Math.floor(raft.lastContactMs())
    return { index, lastContactMs, knownLeader: raft.leader() !== undefined, archive }
  }
}

function leaderOf(participant: Participant, { forwarded }: SnapshotOptions): string {
  const address = participant.leaderAddress()
  if (address === '') throw noLeader()
  if (forwarded === true) throw notLeader()
  return address
}
