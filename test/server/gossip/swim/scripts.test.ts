import { runSwimScript } from '../../../support/swim-script.ts'
import { replayTraces } from '../../../support/traces.ts'

await replayTraces('swim', runSwimScript)
