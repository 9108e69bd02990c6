import type { Ack, Nack } from '../wire/messages.ts'
import type { PendingPing, SwimState } from './state.ts'

/**
 * Pings by their numbers, and who waits for their answers. Numbers are never used twice while somebody might answer, and each
 * path of a probe has its own, so that an answer tells which path it came by.
 *
 * A ping is remembered longer than it is waited for: a late answer still teaches how long answers take, and still proves life.
 */

export function nextSequence(swim: SwimState): number {
  swim.lastSequence = (swim.lastSequence + 1) % 2 ** 32
  return swim.lastSequence
}

/** Whoever answers this number calls back; nobody does after `pingKeptMs`. Gives the number. */
export function expectAnswer(swim: SwimState, ping: Omit<PendingPing, 'sentMs'>): number {
  const { pings, nowMs } = swim
  for (const [sequence, { sentMs }] of pings) {
    if (nowMs - sentMs <= pingKeptMs(swim)) break
    pings.delete(sequence)
  }
  const sequence = nextSequence(swim)
  pings.set(sequence, { ...ping, sentMs: nowMs })
  return sequence
}

export function onAck(swim: SwimState, ack: Ack): void {
  const ping = swim.pings.get(ack.sequence)
  // Taken for an answer once only: it may come again from the network, or from two paths.
  if (ping === undefined || !swim.pings.delete(ack.sequence)) return
  ping.onAck(ack)
}

/** An answer that the member did not answer; it may still do. */
export function onNack(swim: SwimState, nack: Nack): void {
  swim.pings.get(nack.sequence)?.onNack()
}

const pingKeptMs = ({ config }: SwimState): number =>
  Math.max(config.accrual.episodeMaxMs, config.probeIntervalMs * config.awarenessMax)
