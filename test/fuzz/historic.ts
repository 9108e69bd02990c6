import { writeCompressed } from '../../server/gossip/wire/compression.ts'

/**
 * What has brought agents down, or their memory, since there is memberlist: bytes as short as they may be, to be varied. The
 * comments name what went wrong with them.
 */

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const text = (word: string): string => Buffer.from(word).toString('hex')
const [incarnation, node, from, address, port, vsn] = [
  `ab${text('Incarnation')}`,
  `a4${text('Node')}`,
  `a4${text('From')}`,
  `a4${text('Addr')}`,
  `a4${text('Port')}`,
  `a3${text('Vsn')}`,
]
const alive = (version: string, life = '01'): string =>
  `04 86 ${incarnation} ${life} ${node} a161 ${address} a40a000001 ${port} cd1ed2 a4${text('Meta')} a0 ${vsn} ${version}`

export const historicDatagrams: readonly Uint8Array[] = [
  // A kilobyte that becomes a megabyte, and one that becomes nothing: an index into it was out of range.
  writeCompressed(new Uint8Array(1 << 20)),
  writeCompressed(new Uint8Array(0)),
  // Versions that are nil, too few, and such that a whole cluster's ranges had no number in common: nobody could join.
  hex(alive('c0')),
  hex(alive('a20105')),
  hex(alive('a6ff0000ff0000')),
  // The last incarnation, after which nobody can refute.
  hex(alive('a6010502020504', 'ceffffffff')),
  hex(`03 83 ${incarnation} ceffffffff ${node} a161 ${from} a162`),
  // A forged goodbye, after which a name was free for anybody.
  hex(`05 83 ${incarnation} ceffffffff ${node} a161 ${from} a161`),
  // Counts of parts, fields and bytes with nothing behind them.
  hex('07'),
  hex('07ff'),
  hex('0702 0001 ffff 00'),
  hex('00df ffffffff'),
  hex('0081 db ffffffff'),
  hex('09 82 a4416c676f 00 a3427566 db ffffffff'),
  hex('0c'),
  hex('0c 0000'),
  // Labels without an end, or without letters.
  hex('f4'),
  hex('f400'),
  hex('f4ff 61'),
]

export const historicStreams: readonly Uint8Array[] = [
  writeCompressed(new Uint8Array(1 << 20)),
  writeCompressed(new Uint8Array(0)),
  // Numbers of members, and of bytes behind them: fewer than none, or more than there is memory for.
  ...['ff', 'ce7fffffff', 'd3ffffffffffffffff', 'cf7fffffffffffffff'].flatMap((number) => [
    hex(`06 83 a5${text('Nodes')} ${number} ac${text('UserStateLen')} 00 a4${text('Join')} c3`),
    hex(`06 83 a5${text('Nodes')} 00 ac${text('UserStateLen')} ${number} a4${text('Join')} c3`),
    hex(`08 81 aa${text('UserMsgLen')} ${number}`),
  ]),
  // A member whose versions are nil.
  hex(
    `06 83 a5${text('Nodes')} 01 ac${text('UserStateLen')} 00 a4${text('Join')} c2 82 a4${text('Name')} a161 ${vsn} c0`,
  ),
  // Encrypted frames of nothing, and of more than there is.
  hex('0a 00000000'),
  hex('0a 00000001 01'),
  hex('0a ffffffff'),
  hex('0a'),
  hex('f4'),
  hex('f400'),
]
