import { gzipSync } from 'node:zlib'

export interface ArchiveEntry {
  readonly path: string
  /** Absent for a folder. */
  readonly content?: Buffer
  readonly isExecutable?: boolean
}

/** Writes the "newc" archive that Linux unpacks as its initramfs, compressed. The format is simple enough to need no tool. */
export function initramfs(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Buffer[] = []
  let inode = 1
  for (const entry of entries) {
    const mode = entry.content ? (entry.isExecutable ? 0o100755 : 0o100644) : 0o040755
    parts.push(member(entry.path, mode, inode, entry.content ?? Buffer.alloc(0)))
    inode += 1
  }
  parts.push(member('TRAILER!!!', 0, 0, Buffer.alloc(0)))
  return gzipSync(Buffer.concat(parts), { level: 6 })
}

function member(path: string, mode: number, inode: number, content: Buffer): Buffer {
  const name = Buffer.from(`${path}\0`)
  // inode, mode, uid, gid, links, time, size, device (4 numbers), name size, checksum
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const hex = numbers.map((number) => number.toString(16).padStart(8, '0')).join('')
  const header = Buffer.concat([Buffer.from(`070701${hex}`), name])
  return Buffer.concat([padded(header), padded(content)])
}

function padded(data: Buffer): Buffer {
  const missing = (4 - (data.length % 4)) % 4
  return missing === 0 ? data : Buffer.concat([data, Buffer.alloc(missing)])
}
