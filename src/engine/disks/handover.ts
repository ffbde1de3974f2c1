import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Datapath, HandoverDisk } from '../../ports/datapath.ts'
import type { DiskHandover } from '../../ports/storage-manager.ts'
import type { Replications } from './replications.ts'
import type { Srs } from './srs.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import { refuseInUse, toDisk } from './vdi-records.ts'

/** The four acts of a handover, each over all disks of a VM at once. */
export type HandoverAct = 'arm' | 'release' | 'reclaim' | 'take'

/** Asks only records on its way to the datapath: the VM stands still meanwhile. */
export class Handover {
  readonly #datapath: Datapath
  readonly #srs: Srs
  readonly #catalogue: VdiCatalogue
  readonly #replications: Replications
  readonly #lock: KeyedLock

  constructor(
    datapath: Datapath,
    srs: Srs,
    catalogue: VdiCatalogue,
    replications: Replications,
    lock: KeyedLock,
  ) {
    this.#datapath = datapath
    this.#srs = srs
    this.#catalogue = catalogue
    this.#replications = replications
    this.#lock = lock
  }

  /** @throws NOT_FOUND, WRONG_STATE, and what the datapath says of the act */
  async perform(act: HandoverAct, disks: readonly DiskHandover[]): Promise<void> {
    const ids = disks.map(({ vdi }) => vdi)
    await this.#lock.run(ids, async () => {
      const resolved = await Promise.all(disks.map((disk) => this.#resolve(act, disk)))
      const handover = resolved.filter((disk) => disk !== null)
      if (act === 'arm') {
        await this.#fenceAtBoot(ids)
        for (const { mirror } of handover) if (mirror) await this.#replications.noteArmed(mirror.id)
      }
      if (handover.length) await this.#datapath[act](handover)
    })
  }

  /**
   * Once released, an adopted disk must not be there for what the host starts by itself after a loss of power: any
   * other has a device of ours, which no boot makes. Whoever disowns the disk lowers the fence.
   */
  async #fenceAtBoot(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const record = await this.#catalogue.recorded(id)
      if (record.state !== 'adopted') continue
      await (await this.#srs.open(record.sr)).bootFence?.raise(id)
    }
  }

  /** Null where there is nothing to be done. */
  async #resolve(
    act: HandoverAct,
    { vdi, replication }: DiskHandover,
  ): Promise<HandoverDisk | null> {
    const record = await this.#catalogue.recorded(vdi)
    // A host that was started anew holds nothing back, and the VM that used the disk has gone.
    if (act === 'reclaim' && record.state === 'detached') return null
    if (record.replication !== replication && record.replication !== null) {
      // Handing over the plain volume beneath a mirror would lose what the mirror still holds.
      const user = `replication ${record.replication}`
      throw new CrosspoolError('BUSY', { kind: 'vdi', id: vdi, user })
    }
    if (record.relocation !== null) refuseInUse(record)
    const disk = toDisk(record, act)
    if (replication === null) return { disk, mirror: null }
    return { disk, mirror: await this.#replications.mirrorFor(vdi, replication) }
  }
}
