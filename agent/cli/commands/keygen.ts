import { randomBytes } from 'node:crypto'

import type { Command } from '../command.ts'

const keyBytes = 32

export const keygenCommand: Command = {
  about: `Usage: praetor keygen

  Prints a new key, made at random, that all agents of a cluster are given to
  encrypt what they gossip.`,
  flags: [],
  async run(_flags, io) {
    io.out(`${randomBytes(keyBytes).toString('base64')}\n`)
    return 0
  },
}
