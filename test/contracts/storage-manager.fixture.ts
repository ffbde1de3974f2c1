import assert from 'node:assert/strict'
import type { Replication } from '../../src/model/replication.ts'
import type { StorageManager } from '../../src/ports/storage-manager.ts'
import type { Disposable } from './contract.ts'

/** One of the two storage managers between which disks are mirrored. */
export interface StorageSide {
  readonly manager: StorageManager
  /** Id of an SR in which VDIs can be made. */
  readonly sr: string
  /** Another one. */
  readonly otherSr: string
  /** What a guest does with its device, in blocks of 4096 bytes; `write` resolves when acknowledged. */
  write(device: string, block: number, text: string): Promise<void>
  read(device: string, block: number, length: number): Promise<string>
  /** Starts the storage manager anew and answers it; left out where the fixture cannot. */
  restart?(): Promise<StorageManager>
}

export interface StorageManagerFixture extends Disposable {
  readonly source: StorageSide
  readonly target: StorageSide
  /** Ids for VDIs; `dispose` removes those that are left, on both sides. */
  newId(): string
  /** How long one copy may take. */
  readonly deadlineMs: number
  /** Cuts and mends the link between the two; left out where the fixture cannot. */
  cutLink?(): Promise<void>
  mendLink?(): Promise<void>
  /** While held, copies do not go on; left out where the fixture cannot. */
  holdCopies?(isHeld: boolean): void
}

export const vdiBytes = 8 * 1024 * 1024

/** A VDI that a VM could use: its id and device. */
export async function activeVdi(side: StorageSide, id: string) {
  await side.manager.createVdi({ id, sr: side.sr, name: `disk ${id}`, sizeBytes: vdiBytes })
  await side.manager.attach(id)
  const { device } = await side.manager.activate(id)
  assert.ok(device !== null)
  return { id, device }
}

/** Active VDIs on both sides with a mirror between them that has been started. */
export async function mirroredVdis(fixture: StorageManagerFixture) {
  const { source, target, newId } = fixture
  const from = await activeVdi(source, newId())
  await source.write(from.device, 3, 'written before the mirror')
  const to = await activeVdi(target, newId())
  const { uri, replication } = await target.manager.getReplicationTarget(to.id)
  const started = await source.manager.replicateTo(from.id, uri)
  assert.equal(started.id, replication)
  return { from, to, uri, replication }
}

/** Resolves with the first state that fits. */
export async function untilReplication(
  manager: StorageManager,
  id: string,
  isWanted: (replication: Replication) => boolean,
  deadlineMs: number,
): Promise<Replication> {
  let stop: (() => void) | undefined
  let last: Replication | undefined
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`replication ${id}: ${JSON.stringify(last)}`))
      const timer = setTimeout(late, deadlineMs)
      stop = manager.watchReplication(id, (seen) => {
        last = seen
        if (!isWanted(seen)) return
        clearTimeout(timer)
        resolve(seen)
      })
    })
  } finally {
    stop?.()
  }
}

export async function untilSynced(fixture: StorageManagerFixture, id: string): Promise<void> {
  for (const { manager } of [fixture.source, fixture.target])
    await untilReplication(manager, id, ({ state }) => state === 'synced', fixture.deadlineMs)
}
