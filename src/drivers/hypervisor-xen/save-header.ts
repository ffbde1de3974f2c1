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
export interface SaveHeader {
  readonly configuration: string
  /** Bytes of the stream that the head takes; the memory follows. */
  readonly lengthBytes: number
}

const magic = Buffer.from('Xen saved domain, xl format\n \0 \r', 'latin1')
const byteOrderMark = 0x01020304
const fixedBytes = 48
const knownFlags = { json: 1, streamVersion2: 2 } as const
/** Far above any real one, far below what hurts. */
const optionalBytesMax = 4 * 1024 * 1024

/** Answers null while more bytes are needed. @throws MEMORY_STREAM_FAILED when this is no such stream */
export function parseSaveHeader(head: Buffer): SaveHeader | null {
  const known = head.subarray(0, magic.length)
  if (!known.equals(magic.subarray(0, known.length))) throw unreadable('it is not from xl')
  if (head.length < fixedBytes) return null
  if (head.readUInt32LE(32) !== byteOrderMark) throw unreadable('its byte order is another one')
  const flags = head.readUInt32LE(36)
  // Both are what every xl since 4.6 writes, and we write the JSON of the same age ourselves.
  if (flags !== (knownFlags.json | knownFlags.streamVersion2)) {
    throw unreadable(`its mandatory flags are 0x${flags.toString(16)}`)
  }
  const optionalBytes = head.readUInt32LE(44)
  if (optionalBytes < 4 || optionalBytes > optionalBytesMax) {
    throw unreadable(`its configuration would have ${optionalBytes} bytes`)
  }
  if (head.length < fixedBytes + optionalBytes) return null
  const configurationBytes = head.readUInt32LE(fixedBytes)
  if (configurationBytes > optionalBytes - 4) throw unreadable('its configuration is cut off')
  const start = fixedBytes + 4
  const configuration = head.toString('utf8', start, start + configurationBytes).replace(/\0$/, '')
  return { configuration, lengthBytes: fixedBytes + optionalBytes }
}

/** The head for this configuration (JSON). */
export function writeSaveHeader(configuration: string): Buffer {
  const text = Buffer.from(`${configuration}\0`)
  const head = Buffer.alloc(fixedBytes + 4)
  magic.copy(head)
  head.writeUInt32LE(byteOrderMark, 32)
  head.writeUInt32LE(knownFlags.json | knownFlags.streamVersion2, 36)
  head.writeUInt32LE(0, 40)
  head.writeUInt32LE(4 + text.length, 44)
  head.writeUInt32LE(text.length, fixedBytes)
  return Buffer.concat([head, text])
}

function unreadable(reason: string): CrosspoolError {
  return new CrosspoolError('MEMORY_STREAM_FAILED', {
    reason: `the stream is unreadable: ${reason}`,
  })
}
