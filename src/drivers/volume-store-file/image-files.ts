import { open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../lib/error-code.ts'
import { nameBasedUuid } from '../../lib/name-based-uuid.ts'
import type { VolumeFormat } from '../../model/vdi.ts'
import { readDiskBytes } from './image-header.ts'

/** An image in the folder: ours (`crosspool-ID.FORMAT`), or the administrator's (`*.raw`, `*.img`, `*.qcow2`, `*.vhd`). */
export interface ImageFile {
  readonly id: string
  readonly name: string
  readonly managed: boolean
  /** Without symbolic links. */
  readonly path: string
  readonly paths: readonly string[]
  readonly format: VolumeFormat
  /** Of the disk that is in it. */
  readonly sizeBytes: number
  readonly allocatedBytes: number
}

const ourName = /^crosspool-([0-9a-f-]{36})\.(?:raw|qcow2|vhd)$/
const anyImageName = /\.(raw|img|qcow2|vhd)$/
const formats: Readonly<Record<string, VolumeFormat>> = {
  ...{ raw: 'raw', img: 'raw', qcow2: 'qcow2', vhd: 'vhd' },
}
/** Of `stat`, whatever the file system's own block is. */
const statBlockBytes = 512

const namePath = (directory: string, id: string) => join(directory, `crosspool-${id}.name`)

/** `sr` makes the ids of the administrator's images, which must be the same on every host. */
export async function listImageFiles(directory: string, sr: string): Promise<readonly ImageFile[]> {
  const names = (await readdir(directory)).filter((name) => anyImageName.test(name))
  const files = await Promise.all(names.map((name) => inspect(directory, name, sr)))
  return files.filter((file) => file !== null)
}

export interface NewImage {
  readonly id: string
  readonly name: string
  readonly format: VolumeFormat
}

/** `make` writes the image to the path that it is given; it is there under its name only when it is whole. */
export async function createImageFile(
  directory: string,
  { id, name, format }: NewImage,
  make: (path: string) => Promise<void>,
): Promise<void> {
  await putDurably(namePath(directory, id), async (path) => {
    const file = await open(path, 'w', 0o600)
    await file.writeFile(name).finally(() => file.close())
  })
  await putDurably(join(directory, `crosspool-${id}.${format}`), make)
  await syncPath(directory)
}

/** Makes a file without a block in it. */
export async function createSparseFile(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600)
  await file.truncate(sizeBytes).finally(() => file.close())
}

export async function removeImageFile(directory: string, { id, path }: ImageFile): Promise<void> {
  await rm(path, { force: true })
  await rm(namePath(directory, id), { force: true })
  await syncPath(directory)
}

async function inspect(directory: string, fileName: string, sr: string): Promise<ImageFile | null> {
  const given = join(directory, fileName)
  try {
    const path = await realpath(given)
    const measured = await measure(path, formatOf(fileName))
    if (measured === null) return null
    const id = ourName.exec(fileName)?.[1]
    return {
      id: id ?? nameBasedUuid(sr, fileName),
      name: id === undefined ? fileName : await readName(directory, id),
      managed: id !== undefined,
      path,
      paths: path === given ? [path] : [given, path],
      ...measured,
    }
  } catch (error) {
    // Removed while we looked, or a symbolic link to nowhere.
    if (isMissing(error)) return null
    throw error
  }
}

async function measure(path: string, format: VolumeFormat) {
  const file = await open(path, 'r')
  try {
    const facts = await file.stat()
    if (!facts.isFile()) return null
    const sizeBytes = await readDiskBytes(file, format, facts.size)
    if (!sizeBytes) return null
    return { format, sizeBytes, allocatedBytes: Math.min(sizeBytes, facts.blocks * statBlockBytes) }
  } finally {
    await file.close()
  }
}

function formatOf(fileName: string): VolumeFormat {
  return formats[anyImageName.exec(fileName)?.[1] ?? ''] ?? 'raw'
}

async function readName(directory: string, id: string): Promise<string> {
  try {
    return (await readFile(namePath(directory, id), 'utf8')) || id
  } catch (error) {
    if (isMissing(error)) return id
    throw error
  }
}

async function putDurably(path: string, fill: (path: string) => Promise<void>): Promise<void> {
  const unfinished = `${path}.unfinished`
  await rm(unfinished, { force: true })
  await fill(unfinished)
  await syncPath(unfinished)
  await rename(unfinished, path)
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}
