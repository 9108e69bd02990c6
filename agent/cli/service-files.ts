import type { ServiceDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { decodeDocument } from '../config/decode.ts'
import { listErrors } from '../config/fault-text.ts'
import { systemFiles } from '../config/host.ts'
import { parseSource, readSources } from '../config/source.ts'
import type { Io } from './command.ts'

/** The services in configuration files. Throws a PraetorError for the first that can't be read. */
export function readServices(paths: readonly string[], io: Io): readonly ServiceDefinition[] {
  const { sources, errors, warnings } = readSources(paths, '', systemFiles)
  for (const warning of warnings) io.err(`${warning}\n`)
  refuse(errors)
  return sources.flatMap((source) => {
    const parsed = parseSource(source)
    if (!parsed.ok) throw new PraetorError('bad-request', `Error: ${parsed.error}`)
    const decoded = decodeDocument(parsed.document, source.name)
    refuse(decoded.errors)
    if (decoded.invalid.length > 0) refuse([listErrors(decoded.invalid)])
    return decoded.settings.services
  })
}

function refuse([first]: readonly string[]): void {
  if (first !== undefined) throw new PraetorError('bad-request', `Error: ${first}`)
}
