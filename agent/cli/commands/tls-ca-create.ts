import { existsSync } from 'node:fs'

import { PraetorError } from '../../../server/model/errors.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import type { Command } from '../command.ts'
import { issueAuthority } from '../tls/certificate.ts'
import { daysOf, saveFile } from '../tls/files.ts'

const daysDefault = 5 * 365

export const tlsCaCreateCommand: Command = {
  about: `Usage: praetor tls ca create [options]

  Makes a certificate authority of your own:

      $ praetor tls ca create
      ==> Saved consul-agent-ca.pem
      ==> Saved consul-agent-ca-key.pem

  All agents are given the first file. Whoever has the second can make
  certificates that all of them trust.`,
  flags: [
    {
      title: 'Command Options',
      flags: [
        {
          name: 'additional-name-constraint',
          kind: 'string',
          optional: true,
          doc: 'With -name-constraint: a further domain that certificates may be for. May be given several times.',
        },
        {
          name: 'days',
          kind: 'int',
          doc: 'How many days from now the certificate is good for.',
          initial: daysDefault,
        },
        {
          name: 'domain',
          kind: 'string',
          doc: 'The domain of the cluster, which the files are named after.',
          initial: 'consul',
        },
        {
          name: 'name-constraint',
          kind: 'bool',
          doc: 'Lets it sign only for localhost, -domain and what -additional-name-constraint adds. That can not be widened later.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const domain = flags.value('domain') ?? 'consul'
    const files = [`${domain}-agent-ca.pem`, `${domain}-agent-ca-key.pem`] as const
    for (const file of files)
      if (existsSync(file)) throw new PraetorError('conflict', `${file} already exists.`)
    const permitted = flags.isTrue('name-constraint')
      ? [...flags.values('additional-name-constraint'), domain, 'localhost']
      : []
    const validity = { fromMs: systemClock.wallMs(), days: daysOf(flags, daysDefault) }
    const { certificate, key } = issueAuthority(validity, permitted)
    saveFile(files[0], certificate, 'public', io)
    saveFile(files[1], key, 'secret', io)
    return 0
  },
}
