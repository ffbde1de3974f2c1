import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { createOrderedListeners, type OrderedListeners } from '../../lib/ordered-listeners.ts'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import { isOver, type Relocation } from '../../model/relocation.ts'
import type { Vdi, VdiState } from '../../model/vdi.ts'
import type { StorageEnvironment } from './environment.ts'
import type { Records, VdiRecord } from './records.ts'
import type { Srs } from './srs.ts'
import type { VdiCatalogue } from './vdi-catalogue.ts'
import { refuseInUse, toDisk, toVdi } from './vdi-records.ts'
import type { VdiStates } from './vdi-states.ts'

export interface RelocationParts {
  readonly environment: StorageEnvironment
  readonly vdiRecords: Records<VdiRecord>
  readonly srs: Srs
  readonly catalogue: VdiCatalogue
  readonly states: VdiStates
  readonly lock: KeyedLock
}

interface Running {
  seen: Relocation
  readonly listeners: OrderedListeners<Relocation>
  readonly stop: AbortController
  ended: Promise<void>
}

/**
 * VDIs that move to another SR of this host. Two volumes bear the VDI's id meanwhile; its record says
 * in which SR the disk is, and that the volume in the other one has to go. That one record decides after
 * any crash. Only this class writes it as long as a relocation runs.
 */
export class Relocations {
  readonly #parts: RelocationParts
  readonly #running = new Map<string, Running>()
  #isClosed = false

  constructor(parts: RelocationParts) {
    this.#parts = parts
  }

  /** Begins; a repeated one is answered, and one that has been done. @throws BUSY, NOT_SUPPORTED, SR_FULL */
  async begin(id: string, sr: string): Promise<Vdi> {
    const { catalogue, lock, srs, states } = this.#parts
    return await lock.run([id], async () => {
      const vdi = await catalogue.recorded(id)
      if (vdi.relocation?.sr === sr || vdi.sr === sr) return toVdi(vdi)
      refuseInUse(vdi)
      refuseForeign(vdi)
      const store = await srs.open(sr)
      if (!store.capabilities.canCreate) throw notSupported(`SR ${sr} takes no new volumes`)
      const marked = { ...vdi, relocation: { sr } }
      await this.#parts.vdiRecords.put(marked)
      try {
        await store.create(id, vdi.name, vdi.sizeBytes)
        const active = await states.raise(marked)
        this.#start(active, vdi.state)
        return toVdi(active)
      } catch (error) {
        await this.#putAway(id, vdi.state)
        throw error
      }
    })
  }

  /** Calls `listener` at once and at every change; the last one stays to be asked for until the next begins. @throws NOT_FOUND */
  watch(id: string, listener: (relocation: Relocation) => void): () => void {
    const running = this.#running.get(id)
    if (!running) throw new CrosspoolError('NOT_FOUND', { kind: 'relocation', id })
    const stop = running.listeners.add(listener)
    listener(running.seen)
    return stop
  }

  async follow(
    id: string,
    onChange: (relocation: Relocation) => void,
    signal: AbortSignal,
  ): Promise<Relocation> {
    let stop = () => {}
    let onAbort = () => {}
    try {
      return await new Promise<Relocation>((resolve, reject) => {
        onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort)
        stop = this.watch(id, (relocation) => {
          onChange(relocation)
          if (isOver(relocation)) resolve(relocation)
        })
        if (signal.aborted) onAbort()
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
      stop()
    }
  }

  /** Takes it back, unless it is over; resolves when it is. */
  async cancel(id: string): Promise<void> {
    const running = this.#running.get(id)
    running?.stop.abort(new CrosspoolError('CANCELLED'))
    await running?.ended
  }

  /** After a restart. The caller holds the VDI's lock. */
  async resume(vdi: VdiRecord): Promise<void> {
    if (this.isRunning(vdi.id)) return
    if (vdi.volumePath !== null)
      await this.#parts.environment.datapath.settle(toDisk(vdi, 'settle'))
    await this.#putAway(vdi.id, vdi.state)
  }

  /** Ends them where they are; the next storage manager takes them back. */
  close(): void {
    this.#isClosed = true
    for (const { stop } of this.#running.values()) stop.abort(new CrosspoolError('CANCELLED'))
  }

  isRunning(id: string): boolean {
    return this.#running.get(id)?.seen.state === 'copying'
  }

  #start(vdi: VdiRecord, before: VdiState): void {
    const { id, sizeBytes } = vdi
    const sr = vdi.relocation?.sr ?? ''
    const running: Running = {
      seen: { vdi: id, sr, state: 'copying', sizeBytes, leftBytes: sizeBytes, error: null },
      ...{ listeners: createOrderedListeners<Relocation>(), stop: new AbortController() },
      ended: Promise.resolve(),
    }
    this.#running.set(id, running)
    const show = (change: Partial<Relocation>) => {
      running.seen = { ...running.seen, ...change }
      running.listeners.emit(running.seen)
    }
    running.ended = this.#move(vdi, sr, running.stop.signal, (leftBytes) => show({ leftBytes }))
      .then(
        () => ({ state: 'moved' as const, leftBytes: 0 }),
        (error: unknown) => ({ state: 'failed' as const, error: this.#document(id, error) }),
      )
      .then(async (end) => {
        if (this.#isClosed) return
        await this.#parts.lock
          .run([id], () => this.#putAway(id, before))
          .catch((error) => {
            const { log } = this.#parts.environment
            log.error({ vdi: id, error }, 'a volume that is not needed could not be removed')
          })
        show(end)
      })
  }

  async #move(
    vdi: VdiRecord,
    sr: string,
    signal: AbortSignal,
    onProgress: (leftBytes: number) => void,
  ): Promise<void> {
    const { environment, srs, vdiRecords } = this.#parts
    const { datapath } = environment
    const store = await srs.open(sr)
    const { path, format: volumeFormat } = await store.attach(
      vdi.id,
      datapath.capabilities.presentation,
    )
    const moved = { ...vdi, sr, volumePath: path, volumeFormat, relocation: { sr: vdi.sr } }
    await datapath.relocate(toDisk(vdi, 'relocate'), toDisk(moved, 'relocate'), {
      ...{ onProgress, signal },
      commit: () => vdiRecords.put(moved),
    })
  }

  /** Removes the volume that is not the disk, and lets go of a disk that nobody uses. The caller holds the lock. */
  async #putAway(id: string, before: VdiState): Promise<void> {
    const { srs, vdiRecords, states } = this.#parts
    const vdi = await vdiRecords.get(id)
    if (!vdi?.relocation) return
    const store = await srs.open(vdi.relocation.sr)
    await store.detach(id)
    await store.destroy(id)
    await vdiRecords.put({ ...vdi, relocation: null })
    await states.lower(id, before)
  }

  #document(id: string, error: unknown): Relocation['error'] {
    if (isCrosspoolError(error)) return error.toDocument()
    this.#parts.environment.log.error({ vdi: id, error }, 'a relocation failed')
    return new CrosspoolError('INTERNAL', { reference: id }, error).toDocument()
  }
}

function refuseForeign({ managed, state }: VdiRecord): void {
  if (!managed) throw notSupported("the volume is the administrator's, who may move it")
  if (state === 'adopted') throw notSupported('the VM uses a device that is not ours')
}

function notSupported(reason: string): CrosspoolError {
  return new CrosspoolError('NOT_SUPPORTED', { what: 'VDI.relocate', reason })
}
