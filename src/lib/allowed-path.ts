import { realpath, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'

/**
 * The file that `path` leads to, links followed, if it lies in one of the directories; null if not.
 * A file that is not there lies where its path says.
 */
export async function allowedPath(
  path: string,
  directories: readonly string[],
): Promise<string | null> {
  const [file, ...roots] = await Promise.all([path, ...directories].map(followed))
  if (file === undefined) return null
  return roots.some((root) => file.startsWith(root.endsWith(sep) ? root : root + sep)) ? file : null
}

/** Those that lie in none of the directories, or are no files. */
export async function missingFiles(
  paths: readonly string[],
  directories: readonly string[],
): Promise<string[]> {
  const missing = await Promise.all(
    paths.map(async (path) => {
      const file = await allowedPath(path, directories)
      const facts = file === null ? null : await stat(file).catch(() => null)
      return facts?.isFile() ? [] : [path]
    }),
  )
  return missing.flat()
}

function followed(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}
