import { PraetorError } from '../model/errors.ts'
import type { Deregistration, Registration } from '../model/registration.ts'
import { deleteCheck, putCheck } from '../state/checks.ts'
import { deleteNode, findNode, putNode } from '../state/nodes.ts'
import { deleteService, putService } from '../state/services.ts'
import type { Store } from '../state/store.ts'
import type { Transaction } from '../state/transaction.ts'
import type { Command } from './command.ts'

export const catalogCommands = {
  register: { number: 6, apply: register } satisfies Command<Registration, void>,
  deregister: { number: 7, apply: deregister } satisfies Command<Deregistration, void>,
}

/**
 * The node, then the service, then the checks: all of them or, where one is refused, none. What says the same as before is not
 * written, so that an agent that registers again and again wakes nobody.
 */
function register(store: Store, tx: Transaction, registration: Registration): void {
  const { Node, Service, Check, Checks = [] } = registration
  if (!registration.SkipNodeUpdate || !findNode(store, Node))
    explain('failed inserting node: ', '', () =>
      putNode(store, tx, {
        ID: registration.ID,
        Node,
        Address: registration.Address,
        Datacenter: registration.Datacenter ?? '',
        TaggedAddresses: registration.TaggedAddresses,
        Meta: registration.NodeMeta,
      }),
    )
  if (Service) explain('failed inserting service: ', '', () => putService(store, tx, Node, Service))
  for (const check of Check ? [...Checks, Check] : Checks) {
    if (check.Node !== Node)
      throw new PraetorError(
        'failed',
        `check node ${JSON.stringify(check.Node)} does not match node ${JSON.stringify(Node)}`,
      )
    explain('failed inserting check: ', ` on node ${JSON.stringify(Node)}`, () =>
      putCheck(store, tx, check),
    )
  }
}

/** A service, else a check, else the whole node. What isn't there is as good as gone. */
function deregister(store: Store, tx: Transaction, gone: Deregistration): void {
  const { Node, ServiceID = '', CheckID = '' } = gone
  if (ServiceID !== '') deleteService(store, tx, Node, ServiceID)
  else if (CheckID !== '') deleteCheck(store, tx, Node, CheckID)
  else deleteNode(store, tx, Node)
}

/** Does the work; a refusal says, in Consul's words, of what. */
function explain(before: string, after: string, work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    throw new PraetorError(error.kind, before + error.message + after, { cause: error })
  }
}
