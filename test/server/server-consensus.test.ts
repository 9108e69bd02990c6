import t from 'tap'

import { consensusOf } from '../../server/server-consensus.ts'

/** A server's Raft as far as it knows who leads. */
class Scene {
  leader: string | undefined
  isReady = false
  readonly listeners = new Set<() => void>()
  readonly consensus = consensusOf({
    leaseValid: () => false,
    readIndex: () => Promise.resolve(1),
    lastContactMs: () => Infinity,
    leader: () => this.leader,
    isElected: () => this.leader === 'me',
    isLeader: () => this.leader === 'me' && this.isReady,
    onLeader: (callback) => this.#listen(callback),
    onLeadership: (callback) => this.#listen(() => callback(this.isReady)),
  })

  become(leader: string | undefined, isReady = false): void {
    Object.assign(this, { leader, isReady })
    for (const listener of this.listeners) listener()
  }

  #listen(listener: () => void): Disposable {
    this.listeners.add(listener)
    return { [Symbol.dispose]: () => this.listeners.delete(listener) }
  }
}

const forever = new AbortController().signal

t.test(
  'who waits for a leader is told whether it is this server, once that is ready',
  async (t) => {
    for (const [leader, isHere] of [
      ['me', true],
      ['another', false],
    ] as const) {
      const scene = new Scene()
      let told: boolean | undefined
      const waiting = scene.consensus.awaitLeader(forever).then((leads) => (told = leads))
      scene.become('me')
      await Promise.resolve()
      t.equal(told, undefined, 'elected, it may lack what its predecessors did')
      scene.become(leader, isHere)
      await waiting
      t.equal(told, isHere)
      t.equal(scene.listeners.size, 0)
      t.equal(await scene.consensus.awaitLeader(forever), isHere, 'and does not wait again')
    }
  },
)

t.test('who gives up waits no longer', async (t) => {
  const scene = new Scene()
  const giving = new AbortController()
  const waiting = scene.consensus.awaitLeader(giving.signal)
  giving.abort(new Error('gone'))
  await t.rejects(waiting, { message: 'gone' })
  await t.rejects(scene.consensus.awaitLeader(giving.signal), { message: 'gone' })
  t.equal(scene.listeners.size, 0)
})
