import { open } from 'node:fs/promises'

/** The text of a file from a position to its end; empty when there is no file. */
export async function readFrom(path: string, position: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.max(0, size - position))
    await file.read(buffer, 0, buffer.length, position)
    return buffer.toString('utf8')
  } finally {
    await file.close()
  }
}
