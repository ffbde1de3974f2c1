import { createHash } from 'node:crypto'
import type { Mirror } from '../../ports/datapath.ts'
import type { RecordStore } from '../../ports/record-store.ts'
import { replicatorSecret } from './encounter.ts'
import { mirrorName, ownerOf } from './names.ts'

/** What must be known of a mirror also after a restart, beside what the replicator remembers. */
export type MirrorRecord = {
  readonly name: string
  readonly vdi: string
  /** Names all that the source knows of differences. One that lost count of them takes a new one, and all is copied. */
  readonly generation: string
  /** The data here is what the VM wrote, so it may be declared to be the truth; a replica's never is. */
  readonly isTruth: boolean
  /** By which secret the replicator connects, without telling it. */
  readonly secretDigest: string
}

export interface MirrorRecords {
  get(mirror: Mirror): Promise<MirrorRecord | null>
  put(mirror: Mirror, known: Pick<MirrorRecord, 'generation' | 'isTruth'>): Promise<void>
  /** Names of the mirrors beneath a disk. */
  ofDisk(vdi: string): Promise<readonly string[]>
  /** All of an owner's. */
  forget(owner: string): Promise<void>
  /** Of this end alone: both ends of a mirror within one host have the same owner. */
  remove(mirror: Mirror): Promise<void>
}

const prefix = 'datapath/mirror/'

export function createMirrorRecords(records: RecordStore): MirrorRecords {
  const list = async () => (await records.list<MirrorRecord>(prefix)).map(({ value }) => value)
  const drop = async (names: readonly string[]) => {
    if (names.length > 0)
      await records.transact({ deletes: names.map((name) => `${prefix}${name}`) })
  }

  return {
    async get(mirror) {
      return (await records.get<MirrorRecord>(`${prefix}${mirrorName(mirror)}`))?.value ?? null
    },
    async put(mirror, known) {
      const name = mirrorName(mirror)
      const secretDigest = digestOf(mirror)
      const value: MirrorRecord = { name, vdi: mirror.disk.vdi, ...known, secretDigest }
      await records.transact({ puts: [{ key: `${prefix}${name}`, value }] })
    },
    async ofDisk(vdi) {
      return (await list()).filter((record) => record.vdi === vdi).map(({ name }) => name)
    },
    async forget(owner) {
      await drop((await list()).map(({ name }) => name).filter((name) => ownerOf(name) === owner))
    },
    remove: (mirror) => drop([mirrorName(mirror)]),
  }
}

export function digestOf(mirror: Mirror): string {
  return createHash('sha256').update(replicatorSecret(mirror)).digest('hex')
}
