import { CrosspoolError } from '../../model/errors.ts'

/**
 * The head of xl's save and migration format, in the byte order of the host:
 *
 *   32  magic
 *    4  byte order mark 0x01020304
 *    4  mandatory flags (1: the configuration is JSON, 2: the memory is in stream format 2)
 *    4  optional flags
 *    4  length of the optional data, which is
 *    4    length of the configuration, its final zero included
 *    n    the configuration
 *         more optional data, not used by xl so far
 */
const magic = Buffer.from('Xen saved domain, xl format\n \0 \r', 'latin1')
const byteOrderMark = 0x01020304
/** The part of the head before the optional data. */
export const fixedHeaderBytes = 48
const knownFlags = { json: 1, streamVersion2: 2 } as const
/** Far above any real one, far below what hurts. */
const optionalBytesMax = 1024 * 1024

/**
 * How many bytes of optional data follow the fixed part of the head.
 * @throws MEMORY_STREAM_FAILED when this is no such stream
 */
export function optionalBytesOf(fixed: Buffer): number {
  if (!fixed.subarray(0, magic.length).equals(magic)) throw unreadable('it is not from xl')
  if (fixed.length < fixedHeaderBytes) throw unreadable('it is cut off')
  if (fixed.readUInt32LE(32) !== byteOrderMark) throw unreadable('its byte order is another one')
  const flags = fixed.readUInt32LE(36)
  // Both are what every xl since 4.6 writes, and we write the JSON of the same age ourselves.
  if (flags !== (knownFlags.json | knownFlags.streamVersion2)) {
    throw unreadable(`its mandatory flags are 0x${flags.toString(16)}`)
  }
  const optionalBytes = fixed.readUInt32LE(44)
  if (optionalBytes > optionalBytesMax) {
    throw unreadable(`its configuration would have ${optionalBytes} bytes`)
  }
  return optionalBytes
}

/** The head for this configuration (JSON). */
export function writeSaveHeader(configuration: string): Buffer {
  const text = Buffer.from(`${configuration}\0`)
  const head = Buffer.alloc(fixedHeaderBytes + 4)
  magic.copy(head)
  head.writeUInt32LE(byteOrderMark, 32)
  head.writeUInt32LE(knownFlags.json | knownFlags.streamVersion2, 36)
  head.writeUInt32LE(0, 40)
  head.writeUInt32LE(4 + text.length, 44)
  head.writeUInt32LE(text.length, fixedHeaderBytes)
  return Buffer.concat([head, text])
}

function unreadable(reason: string): CrosspoolError {
  return new CrosspoolError('MEMORY_STREAM_FAILED', {
    reason: `the stream is unreadable: ${reason}`,
  })
}
