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

/** What keeps a file from being used. */
export interface Unusable {
  readonly path: string
  readonly reason: string
  /** It lies in one of the directories, as far as it is there. */
  readonly isAllowed: boolean
}

/** The file that `path` leads to, in one of the directories; otherwise why it cannot be used. */
export async function findFile(
  path: string,
  directories: readonly string[],
): Promise<string | Unusable> {
  const file = await allowedPath(path, directories)
  const given = directories.join(', ') || 'none'
  if (file === null)
    return { path, reason: `it is not in a directory for kernels (${given})`, isAllowed: false }
  const facts = await stat(file).catch(() => null)
  if (facts?.isFile()) return file
  const reason = facts === null ? 'there is no such file on this host' : 'it is no file'
  return { path, reason, isAllowed: true }
}

export async function unusableFiles(
  paths: readonly string[],
  directories: readonly string[],
): Promise<Unusable[]> {
  const found = await Promise.all(paths.map((path) => findFile(path, directories)))
  return found.filter((file) => typeof file !== 'string')
}

function followed(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}
