import { runScript } from '../../../support/raft-script.ts'
import { replayTraces } from '../../../support/traces.ts'

await replayTraces('raft', runScript)
