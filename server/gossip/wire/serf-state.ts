import { Refused } from './refusal.ts'
import type { EventsOfTime, LamportTime, SerfState } from './serf-messages.ts'
import { lamport } from './serf-types.ts'
import { bytes, type FieldType, list, meaning, struct, text } from './struct.ts'

const membersMax = 1024 * 1024
/** Serf keeps those of 512 times. */
const eventsMax = 65_536
const eventsOfTimeMax = 1024

const eventsOfTime = struct({
  LTime: lamport,
  Events: list(struct({ Name: text, Payload: bytes }), eventsOfTimeMax),
})

/**
 * Serf sends its ring of 512 events slot by slot, and nil for each that is empty: half a kilobyte in every push/pull of a pool
 * without events. Readers look at the times and not at the slots, so only what there is is written here.
 */
const eventRing: FieldType<readonly EventsOfTime[]> = {
  zero: [],
  write(writer, all) {
    writer.array(all.length)
    for (const { events, time } of all)
      eventsOfTime.write(writer, {
        LTime: time,
        Events: events.map(({ name, payload }) => ({ Name: name, Payload: payload })),
      })
  },
  read(reader) {
    const all: EventsOfTime[] = []
    let count = 0
    for (let left = reader.items(eventsMax); left > 0; left -= 1) {
      const slot = eventsOfTime.readPointer(reader)
      if (slot === undefined) continue
      const events = slot.Events.map(({ Name, Payload }) => ({ name: Name, payload: Payload }))
      all.push({ time: slot.LTime, events })
      count += events.length
      if (count > eventsMax) throw new Refused('tooManyItems')
    }
    return all
  },
}

/** Go's map[string]LamportTime. */
const timeMap: FieldType<ReadonlyMap<string, LamportTime>> = {
  zero: new Map(),
  write(writer, times) {
    writer.map(times.size)
    for (const [node, time] of times) {
      writer.text(node)
      lamport.write(writer, time)
    }
  },
  read(reader) {
    const times = new Map<string, LamportTime>()
    for (let left = reader.pairs(membersMax); left > 0; left -= 1)
      times.set(reader.text(), lamport.read(reader))
    return times
  },
}

export const state = meaning(
  struct({
    LTime: lamport,
    StatusLTimes: timeMap,
    LeftMembers: list(text, membersMax),
    EventLTime: lamport,
    Events: eventRing,
    QueryLTime: lamport,
  }),
  (message: SerfState) => ({
    LTime: message.time,
    StatusLTimes: message.statusTimes,
    LeftMembers: message.leftMembers,
    EventLTime: message.eventTime,
    Events: message.events,
    QueryLTime: message.queryTime,
  }),
  (onWire): SerfState => ({
    kind: 'state',
    time: onWire.LTime,
    statusTimes: onWire.StatusLTimes,
    leftMembers: onWire.LeftMembers,
    eventTime: onWire.EventLTime,
    events: onWire.Events,
    queryTime: onWire.QueryLTime,
  }),
)
