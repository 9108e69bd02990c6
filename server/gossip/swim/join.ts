import { pushPull } from './anti-entropy.ts'
import type { JoinFailure, SwimCommand } from './events.ts'
import { notify } from './state.ts'
import type { SwimState } from './state.ts'

/** Joining is a push/pull with whoever is at an address: each then knows what the other knew. One answer is enough to be in. */
export function join(
  swim: SwimState,
  { ticket, addresses }: Extract<SwimCommand, { kind: 'join' }>,
): void {
  const failures: JoinFailure[] = []
  let open = addresses.length
  let joined = 0
  const endIfDone = (): void => {
    if (open === 0) notify(swim, { kind: 'joinDone', ticket, joined, failures })
  }
  for (const to of addresses)
    pushPull(swim, to, null, true, (failure) => {
      open -= 1
      if (failure === null) joined += 1
      else failures.push({ to, reason: failure })
      endIfDone()
    })
  if (addresses.length === 0) endIfDone()
}
