import { PraetorError } from '../model/errors.ts'
import { getKey, listKeyNames, listKeys } from '../state/kv.ts'
import type { EndpointTable } from './call.ts'

export const kvEndpoints = {
  'KVS.Get': {
    kind: 'read',
    run: (store, { Key }, _query, watch) => getKey(store, Key, watch),
  },

  'KVS.List': {
    kind: 'read',
    run: (store, { Key }, _query, watch) => listKeys(store, Key, watch),
  },

  'KVS.ListKeys': {
    kind: 'read',
    run: (store, { Prefix, Separator }, _query, watch) =>
      listKeyNames(store, Prefix, Separator, watch),
  },

  'KVS.Apply': {
    kind: 'write',
    async run({ lockDelays, propose }, write) {
      const { Op, DirEnt } = write
      // Only a tree may be all there is.
      if (DirEnt.Key === '' && Op !== 'delete-tree')
        throw new PraetorError('failed', 'Must provide key')
      if (Op === 'lock' && lockDelays.isHeldBack(DirEnt.Key)) return false
      return propose('kv', write)
    },
  },
} satisfies Pick<EndpointTable, 'KVS.Get' | 'KVS.List' | 'KVS.ListKeys' | 'KVS.Apply'>
