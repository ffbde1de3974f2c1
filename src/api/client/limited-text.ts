import type { Readable } from 'node:stream'
import { MiB } from '../../lib/units.ts'

/** Far above any answer of ours. */
export const answerBytesMax = 16 * MiB

/** The text of an answer. Whoever is at the other side, it ends. @throws when it is longer than any of ours */
export async function limitedText(stream: Readable): Promise<string> {
  const parts: Buffer[] = []
  let lengthBytes = 0
  for await (const part of stream) {
    parts.push(part)
    lengthBytes += part.length
    if (lengthBytes > answerBytesMax)
      throw new Error(`it answers more than ${answerBytesMax} bytes`)
  }
  return Buffer.concat(parts).toString()
}
