import type { Duplex } from 'node:stream'
import { compressing, decompressing } from '../../lib/compressed-stream.ts'
import type { Host } from '../../model/host.ts'
import type { Check, MigrateRequest } from '../../model/migration.ts'
import type { MemoryEncoding } from '../../model/receiver.ts'
import { check } from './describe-vm.ts'

/** How the memory crosses the link, whatever the hypervisor is. */
export function encodingOf({ compressMemory }: MigrateRequest): MemoryEncoding {
  return compressMemory ? 'deflate' : 'plain'
}

/** Asked beforehand, since a destination that does not know it refuses the stream only when the disks have been copied. */
export function checkEncoding(encoding: MemoryEncoding, { name, memoryEncodings }: Host): Check {
  const known = memoryEncodings.includes(encoding)
  const reason = known
    ? `takes memory as ${encoding}`
    : `cannot take memory as ${encoding}, only as ${memoryEncodings.join(', ')}; leave the compression out, or bring it up to date`
  return check('memory-encoding', name, known, reason, 'NOT_SUPPORTED')
}

export interface EncodedStream {
  readonly stream: Duplex
  /** Null: what crosses is what was written. */
  crossedBytes(): number | null
}

/** The source's end of the link. */
export function encoded(link: Duplex, encoding: MemoryEncoding): EncodedStream {
  return encoding === 'deflate' ? compressing(link) : { stream: link, crossedBytes: () => null }
}

/** The destination's end of it. */
export function decoded(link: Duplex, encoding: MemoryEncoding): Duplex {
  return encoding === 'deflate' ? decompressing(link) : link
}
