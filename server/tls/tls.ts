import { createSecureContext } from 'node:tls'
import type { ConnectionOptions, SecureContext, TlsOptions as ServerOptions } from 'node:tls'

import { PraetorError } from '../model/errors.ts'
import {
  contextOf,
  findTlsFault,
  incoming,
  outgoing,
  verifiesHttps,
  verifiesRpc,
} from './contexts.ts'
import { readMaterial } from './material.ts'
import type { TlsFiles } from './material.ts'
import type { TlsOptions } from './options.ts'

/** What is in force at one time. It is never changed, so that who compares two of them knows whether anything did. */
export interface TlsState {
  readonly rpc: ServerOptions
  readonly https: ServerOptions
  /** Undefined where servers are called in the clear. */
  readonly outgoing: ConnectionOptions | undefined
  /** Whoever speaks to the server port without TLS is turned away. */
  readonly verifyIncomingRpc: boolean
  /** How checks shake hands; undefined where they trust whom the host trusts, and show nothing. */
  readonly checks: CheckIdentity | undefined
}

export interface CheckIdentity {
  readonly context: SecureContext
  /** What a service's certificate must be for. */
  readonly serverName: string
}

/** Whose TLS it is. */
export interface TlsOwner {
  readonly nodeName: string
  readonly datacenter: string
}

/** TLS as this agent has it now: asked for every connection, so that new certificates are taken on without a restart. */
export class Tls {
  readonly #files: TlsFiles
  readonly #owner: TlsOwner
  #state: TlsState

  /** Throws a PraetorError where the options can't be had. */
  constructor(options: TlsOptions, owner: TlsOwner, files: TlsFiles) {
    this.#files = files
    this.#owner = owner
    this.#state = this.#read(options)
  }

  get now(): TlsState {
    return this.#state
  }

  /** For the connections to come. Throws a PraetorError where the options can't be had, and then keeps what it has. */
  replace(options: TlsOptions): void {
    this.#state = this.#read(options)
  }

  #read(options: TlsOptions): TlsState {
    const material = readMaterial(options, this.#files)
    const fault = findTlsFault(options, material)
    if (fault !== undefined) throw new PraetorError('failed', fault)
    const { nodeName, datacenter } = this.#owner
    const verifyIncomingRpc = verifiesRpc(options)
    return {
      rpc: incoming(options, material, verifyIncomingRpc),
      https: incoming(options, material, verifiesHttps(options)),
      outgoing: outgoing(options, material, datacenter),
      verifyIncomingRpc,
      checks: options.forChecks
        ? {
            context: createSecureContext(contextOf(options, material)),
            serverName: options.serverName || nodeName,
          }
        : undefined,
    }
  }
}
