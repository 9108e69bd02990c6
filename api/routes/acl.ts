import { PraetorError } from '../../server/model/errors.ts'
import type { App } from '../request.ts'
import { nothing } from '../schemas.ts'

/** Everything about access control. It is off, and says so: clients take this answer for exactly that. */
const paths: readonly (readonly [path: string, ...methods: readonly Method[]])[] = [
  ['/v1/acl/bootstrap', 'PUT'],
  ['/v1/acl/login', 'POST'],
  ['/v1/acl/logout', 'POST'],
  ['/v1/acl/replication', 'GET'],
  ['/v1/acl/policies', 'GET'],
  ['/v1/acl/policy', 'PUT'],
  ['/v1/acl/policy/*', 'GET', 'PUT', 'DELETE'],
  ['/v1/acl/policy/name/*', 'GET'],
  ['/v1/acl/roles', 'GET'],
  ['/v1/acl/role', 'PUT'],
  ['/v1/acl/role/name/*', 'GET'],
  ['/v1/acl/role/*', 'GET', 'PUT', 'DELETE'],
  ['/v1/acl/binding-rules', 'GET'],
  ['/v1/acl/binding-rule', 'PUT'],
  ['/v1/acl/binding-rule/*', 'GET', 'PUT', 'DELETE'],
  ['/v1/acl/auth-methods', 'GET'],
  ['/v1/acl/auth-method', 'PUT'],
  ['/v1/acl/auth-method/*', 'GET', 'PUT', 'DELETE'],
  ['/v1/acl/tokens', 'GET'],
  ['/v1/acl/token', 'PUT'],
  ['/v1/acl/token/self', 'GET'],
  ['/v1/acl/token/*', 'GET', 'PUT', 'DELETE'],
  ['/v1/acl/create', 'PUT'],
  ['/v1/acl/update', 'PUT'],
  ['/v1/acl/destroy/*', 'PUT'],
  ['/v1/acl/info/*', 'GET'],
  ['/v1/acl/clone/*', 'PUT'],
  ['/v1/acl/list', 'GET'],
  ['/v1/acl/rules/translate', 'POST'],
  ['/v1/acl/rules/translate/*', 'GET'],
  ['/v1/agent/token/*', 'PUT'],
]

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

export function aclRoutes(app: App): void {
  for (const [url, ...methods] of paths)
    for (const method of methods)
      app.route({
        method,
        url,
        schema: { summary: 'Access control, which is off', response: { 401: nothing } },
        handler: async () => {
          throw new PraetorError('unsupported', 'ACL support disabled')
        },
      })
}
