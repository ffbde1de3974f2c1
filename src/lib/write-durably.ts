import { randomUUID } from 'node:crypto'
import { open, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Afterwards the file is on disk with this content, or, after a crash, with the old one. Only root may read it. */
export async function writeDurably(path: string, content: string): Promise<void> {
  // Two at once must not write into, or rename, the same temporary file.
  const temporary = `${path}.${randomUUID()}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** Whoever reads it meets the old content or the new one, never less. For files that need not outlive their host's boot. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.new`
  await writeFile(temporary, content, { mode: 0o600 })
  await rename(temporary, path)
}

/** Makes names that were added to or removed from a directory survive a crash. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
