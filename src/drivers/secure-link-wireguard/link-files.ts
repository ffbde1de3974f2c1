import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncDirectory, writeDurably } from '../../lib/write-durably.ts'

const reservedLinkSchema = z.object({
  name: z.string(),
  port: z.int().positive(),
  privateKey: z.string(),
  publicKey: z.string(),
})
/** A key and a UDP port that are kept for one link. */
export type ReservedLink = Readonly<z.infer<typeof reservedLinkSchema>>

/** One file for each link, named after its port. They hold private keys: root alone may read them. */
export interface LinkFiles {
  list(): Promise<readonly ReservedLink[]>
  /** On disk when it has resolved. */
  add(link: ReservedLink): Promise<void>
  remove(link: ReservedLink): Promise<void>
  /** Has `text` in a file for as long as `use` runs: `wg` takes keys from files alone. */
  lend(link: ReservedLink, text: string, use: (path: string) => Promise<void>): Promise<void>
}

export function createLinkFiles(directory: string): LinkFiles {
  const pathOf = ({ port }: ReservedLink) => join(directory, `${port}.json`)
  const lentPathOf = ({ port }: ReservedLink) => join(directory, `${port}.conf`)

  async function makeDirectory(): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }

  return {
    async list() {
      await makeDirectory()
      const names = (await readdir(directory)).filter((name) => /^\d+\.json$/.test(name))
      const texts = names.map((name) => readFile(join(directory, name), 'utf8'))
      return (await Promise.all(texts)).map((text) => reservedLinkSchema.parse(JSON.parse(text)))
    },

    async add(link) {
      await makeDirectory()
      await writeDurably(pathOf(link), `${JSON.stringify(link)}\n`)
    },

    async remove(link) {
      await rm(lentPathOf(link), { force: true })
      await rm(pathOf(link), { force: true })
      await syncDirectory(directory)
    },

    async lend(link, text, use) {
      const path = lentPathOf(link)
      await writeDurably(path, text)
      try {
        await use(path)
      } finally {
        await rm(path, { force: true })
      }
    },
  }
}
