import { PraetorError } from '../server/model/errors.ts'

/** A datacenter is one network segment here, as of every Consul that is free. Throws in Consul's words for any other. */
export function checkSegment(segment: string, isServer: boolean): void {
  if (segment === '' || segment === '_all') return
  throw new PraetorError(
    'failed',
    isServer
      ? 'Network segments are not supported in this version of Consul'
      : `segment ${JSON.stringify(segment)} not found`,
  )
}
