import type { AutopilotServer, AutopilotState, AutopilotStatus } from '../../model/autopilot.ts'
import { nanosecondsPerMs } from '../../model/duration.ts'
import { memberStatus } from '../../model/member.ts'
import { goTime } from '../go-time.ts'
import { fieldsOf, flag, float, integer, list, text } from '../shape.ts'
import type { Shape } from '../shape.ts'

/**
 * How the servers are, as Consul 1.8's servers tell it (`Operator.ServerHealth`): less than what ours know, since its autopilot has no
 * word for the rest.
 */
export const serverHealth: Shape<AutopilotState> = {
  toWire: ({ Healthy, FailureTolerance, Servers }) => ({
    Healthy,
    FailureTolerance,
    Servers: servers.toWire(Servers),
  }),
  fromWire(wire) {
    const given = fieldsOf(wire)
    const Servers = servers.fromWire(given['Servers'])
    return {
      Healthy: flag.fromWire(given['Healthy']),
      FailureTolerance: integer.fromWire(given['FailureTolerance']),
      Leader: Servers.find(({ Status }) => Status === 'leader')?.ID ?? '',
      Voters: Servers.filter(({ Status }) => Status !== 'non-voter').map(({ ID }) => ID),
      Servers,
    }
  },
}

const server: Shape<AutopilotServer> = {
  toWire: (row) => ({
    ID: row.ID,
    Name: row.Name,
    Address: row.Address,
    SerfStatus: memberStatus[row.NodeStatus],
    Version: row.Version,
    Leader: row.Status === 'leader',
    LastContact: Math.round(row.LastContactMs * nanosecondsPerMs),
    LastTerm: row.LastTerm,
    LastIndex: row.LastIndex,
    Healthy: row.Healthy,
    Voter: row.Status !== 'non-voter',
    StableSince: goTime.toWire(row.StableSinceMs),
  }),
  fromWire(wire) {
    const given = fieldsOf(wire)
    return {
      ID: text.fromWire(given['ID']),
      Name: text.fromWire(given['Name']),
      Address: text.fromWire(given['Address']),
      NodeStatus: nodeStatus(integer.fromWire(given['SerfStatus'])),
      Version: text.fromWire(given['Version']),
      Status: statusOf(flag.fromWire(given['Leader']), flag.fromWire(given['Voter'])),
      LastContactMs: float.fromWire(given['LastContact']) / nanosecondsPerMs,
      LastTerm: integer.fromWire(given['LastTerm']),
      LastIndex: integer.fromWire(given['LastIndex']),
      Healthy: flag.fromWire(given['Healthy']),
      StableSinceMs: goTime.fromWire(given['StableSince']),
      Meta: {},
    }
  },
}
const servers = list(server)

function statusOf(isLeader: boolean, isVoter: boolean): AutopilotStatus {
  if (isLeader) return 'leader'
  return isVoter ? 'voter' : 'non-voter'
}

function nodeStatus(number: number): AutopilotServer['NodeStatus'] {
  const names = Object.keys(memberStatus) as AutopilotServer['NodeStatus'][]
  return names.find((name) => memberStatus[name] === number) ?? 'none'
}
