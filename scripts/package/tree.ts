import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'

/** The files of a package while it is made, below `root` as they will lie below / of a host. */
export class Tree {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    writeFileSync(this.#at(path), content)
  }

  /** As Debian wants man pages and changelogs; the same bytes whenever it is made. */
  writeCompressed(path: string, content: string | Buffer): void {
    this.write(`${path}.gz`, gzipSync(content, { level: 9 }))
  }

  /** A file or a folder with all that is in it. */
  copy(from: string, path: string): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    cpSync(from, this.#at(path), { recursive: true })
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    symlinkSync(target, this.#at(path))
  }

  /** Paths of all files, without the leading slash, in order. */
  files(): readonly string[] {
    return readdirSync(this.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)))
      .sort()
  }

  sizeBytes(): number {
    return this.files().reduce((sum, file) => sum + statSync(this.#at(file)).size, 0)
  }

  /** Whatever the umask was and the copied files had: all may read, only root may write, programs are executable. */
  settleModes(): void {
    chmodSync(this.root, 0o755)
    for (const entry of readdirSync(this.root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isSymbolicLink()) continue
      chmodSync(path, entry.isDirectory() || isProgram(path) ? 0o755 : 0o644)
    }
  }

  #at(path: string): string {
    return join(this.root, path)
  }
}

function isProgram(path: string): boolean {
  if (path.endsWith('.node')) return false
  return path.endsWith('.mjs') || (statSync(path).mode & 0o100) !== 0
}
