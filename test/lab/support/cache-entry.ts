import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './paths.ts'

const entriesKept = 3

/** Hash of folders of sources, tests left out, and of any further text that shapes the outcome. */
export async function hashOf(
  folders: readonly string[],
  texts: readonly string[],
): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    const paths = files.map((file) => join(file.parentPath, file.name))
    for (const path of paths.sort()) {
      const { mode } = await stat(path)
      hash.update(`${path.slice(folder.length)}\0${mode & 0o111 ? 'x' : '-'}\0`)
      hash.update(await readFile(path))
    }
  }
  for (const text of texts) hash.update(`${text}\0`)
  return hash.digest('hex').slice(0, 20)
}

/**
 * The folder `KIND-KEY` of the cache. When it is missing, `build` fills a temporary folder which is renamed at the
 * end, so a build that was torn is never used, and two that run at once do no harm.
 */
export async function cacheEntry(
  kind: string,
  key: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(cacheDirectory(), `${kind}-${key}`)
  const isThere = await access(directory).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    const temporary = `${directory}.tmp-${process.pid}`
    await mkdir(temporary, { recursive: true })
    try {
      await build(temporary)
      await rename(temporary, directory)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      const otherWon = await access(directory).then(
        () => true,
        () => false,
      )
      if (!otherWon) throw error
    }
  }
  // The time of the last use decides what is pruned.
  const now = new Date()
  await utimes(directory, now, now)
  await prune(kind)
  return directory
}

async function prune(kind: string): Promise<void> {
  const names = await readdir(cacheDirectory())
  const entries = await Promise.all(
    names
      .filter((name) => name.startsWith(`${kind}-`))
      .map(async (name) => {
        const path = join(cacheDirectory(), name)
        return { path, usedMs: (await stat(path)).mtimeMs, isTorn: name.includes('.tmp-') }
      }),
  )
  const oneDayMs = 86_400_000
  const torn = entries.filter((entry) => entry.isTorn && Date.now() - entry.usedMs > oneDayMs)
  const whole = entries.filter((entry) => !entry.isTorn).sort((a, b) => b.usedMs - a.usedMs)
  for (const entry of [...torn, ...whole.slice(entriesKept)]) {
    await rm(entry.path, { recursive: true, force: true })
  }
}
