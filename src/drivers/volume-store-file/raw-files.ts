import { open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { nameBasedUuid } from '../../lib/name-based-uuid.ts'
import { sectorBytes } from '../../lib/units.ts'

/** A raw image in the folder: ours (`crosspool-ID.raw`), or the administrator's (`*.raw`, `*.img`). */
export interface RawFile {
  readonly id: string
  readonly name: string
  readonly managed: boolean
  /** Without symbolic links. */
  readonly path: string
  readonly paths: readonly string[]
  readonly sizeBytes: number
  readonly allocatedBytes: number
}

const ourName = /^crosspool-([0-9a-f-]{36})\.raw$/
const anyImageName = /\.(raw|img)$/
/** Of `stat`, whatever the file system's own block is. */
const statBlockBytes = 512

const rawPath = (directory: string, id: string) => join(directory, `crosspool-${id}.raw`)
const namePath = (directory: string, id: string) => join(directory, `crosspool-${id}.name`)

/** `sr` makes the ids of the administrator's images, which must be the same on every host. */
export async function listRawFiles(directory: string, sr: string): Promise<readonly RawFile[]> {
  const names = (await readdir(directory)).filter((name) => anyImageName.test(name))
  const files = await Promise.all(names.map((name) => inspect(directory, name, sr)))
  return files.filter((file) => file !== null)
}

/** Makes a sparse file; it is there under its name only when it is whole. */
export async function createRawFile(
  directory: string,
  id: string,
  name: string,
  sizeBytes: number,
): Promise<void> {
  await writeDurably(namePath(directory, id), async (file) => file.writeFile(name))
  await writeDurably(rawPath(directory, id), async (file) => file.truncate(sizeBytes))
  await syncDirectory(directory)
}

export async function removeRawFile(directory: string, id: string): Promise<void> {
  await rm(rawPath(directory, id), { force: true })
  await rm(namePath(directory, id), { force: true })
  await syncDirectory(directory)
}

async function inspect(directory: string, fileName: string, sr: string): Promise<RawFile | null> {
  const given = join(directory, fileName)
  try {
    const path = await realpath(given)
    const facts = await stat(path)
    const sizeBytes = facts.size - (facts.size % sectorBytes)
    if (!facts.isFile() || sizeBytes === 0) return null
    const id = ourName.exec(fileName)?.[1]
    return {
      id: id ?? nameBasedUuid(sr, fileName),
      name: id === undefined ? fileName : await readName(directory, id),
      managed: id !== undefined,
      path,
      paths: path === given ? [path] : [given, path],
      sizeBytes,
      allocatedBytes: Math.min(sizeBytes, facts.blocks * statBlockBytes),
    }
  } catch (error) {
    // Removed while we looked, or a symbolic link to nowhere.
    if (isMissing(error)) return null
    throw error
  }
}

async function readName(directory: string, id: string): Promise<string> {
  try {
    return (await readFile(namePath(directory, id), 'utf8')) || id
  } catch (error) {
    if (isMissing(error)) return id
    throw error
  }
}

type FileHandle = Awaited<ReturnType<typeof open>>

async function writeDurably(path: string, fill: (file: FileHandle) => Promise<void>) {
  const unfinished = `${path}.unfinished`
  const file = await open(unfinished, 'w', 0o600)
  try {
    await fill(file)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
