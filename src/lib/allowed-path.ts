import { realpath } from 'node:fs/promises'
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

function followed(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}
