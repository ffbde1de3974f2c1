import { mkdir } from 'node:fs/promises'
import { createKeyedLock } from '../../lib/keyed-lock.ts'
import { QmpClosedError, QmpError } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Datapath, HandoverDisk } from '../../ports/datapath.ts'
import { activate, deactivate } from './devices.ts'
import { discard } from './discard.ts'
import { DiskServers } from './disk-servers.ts'
import { arm, reclaim, release, settle, take } from './handover.ts'
import { inventory } from './inventory.ts'
import { keep } from './keep.ts'
import { Mirrors } from './mirrors.ts'
import { type Parts, type Timing, usualTiming } from './parts.ts'
import { relocate, settle as settleVolume } from './relocate.ts'
import { storageDaemonVersion } from './storage-daemon.ts'

export interface UserDatapathOptions extends Omit<Parts, 'timing' | 'lock' | 'closing'> {
  /** What is left out is as usual. */
  readonly timing?: Partial<Timing>
}

/**
 * The datapath of hosts where nothing is asked of the kernel: a storage daemon of QEMU's for each
 * disk, which serves the VM over NBD. `close` lets go of them; they and the mirrors run on.
 */
export async function createUserDatapath(
  options: UserDatapathOptions,
): Promise<{ readonly datapath: Datapath; close(): Promise<void> }> {
  const lock = createKeyedLock()
  const closing = new AbortController()
  const timing = { ...usualTiming, ...options.timing }
  const parts: Parts = { ...options, timing, lock, closing: closing.signal }
  await mkdir(parts.runtimeDirectory, { recursive: true, mode: 0o700 })
  const version = await storageDaemonVersion(parts)
  const servers = new DiskServers(parts)
  const mirrors = new Mirrors(parts, servers)
  await servers.resume()
  await mirrors.resume()

  const acts = new Set<Promise<unknown>>()
  async function noted<Result>(act: Promise<Result>): Promise<Result> {
    acts.add(act)
    return await act.catch(rethrow).finally(() => acts.delete(act))
  }
  const alone = <Result>(vdis: readonly string[], act: () => Promise<Result>) =>
    noted(lock.run(vdis, act))
  const vdisOf = (handover: readonly HandoverDisk[]) => handover.map(({ disk }) => disk.vdi)

  const datapath: Datapath = {
    capabilities: {
      ...{ schemes: ['nbd'], presentation: 'image', deviceKind: 'nbd', keeps: ['difference'] },
      verifies: false,
      encryptionObstacle: null,
      description: `qemu-storage-daemon ${version} in user space`,
    },
    activate: (disk) => alone([disk.vdi], () => activate(mirrors, disk)),
    deactivate: (disk) => alone([disk.vdi], () => deactivate(mirrors, disk)),
    adopt: async (_disk, device) => {
      throw new CrosspoolError('DISK_NOT_MAPPED', { device })
    },
    offer: (mirror) => alone([mirror.disk.vdi], () => mirrors.offer(mirror)),
    prepare: (mirror) => alone([mirror.disk.vdi], () => mirrors.prepare(mirror)),
    accept: (mirror) => alone([mirror.disk.vdi], () => mirrors.accept(mirror)),
    start: (mirror, welcome) => alone([mirror.disk.vdi], () => mirrors.start(mirror, welcome)),
    limit: (mirror, bytesPerSecondMax) =>
      alone([mirror.disk.vdi], async () => mirrors.source(mirror)?.limit(bytesPerSecondMax)),
    watch: (mirror, listener) => mirrors.watch(mirror, listener),
    async arm(handover) {
      await settle(mirrors, handover)
      await alone(vdisOf(handover), () => arm(mirrors, handover))
    },
    release: (handover) => alone(vdisOf(handover), () => release(mirrors, handover)),
    reclaim: (handover) => alone(vdisOf(handover), () => reclaim(mirrors, handover)),
    take: (handover) => alone(vdisOf(handover), () => take(mirrors, handover)),
    keep: (mirror, mode) => alone([mirror.disk.vdi], () => keep(mirrors, mirror, mode)),
    verify: cannotVerify,
    close: (mirror, keep) => alone([mirror.disk.vdi], () => mirrors.close(mirror, keep)),
    relocate: (disk, to, relocation) =>
      noted(relocate(mirrors, (act) => lock.run([disk.vdi], act), disk, to, relocation)),
    settle: (disk) => alone([disk.vdi], () => settleVolume(mirrors, disk)),
    inventory: () => inventory(parts),
    discard: (owner) => noted(discard(mirrors, owner)),
  }
  return {
    datapath,
    async close() {
      closing.abort(new Error('this program lets go of its disks'))
      mirrors.disconnect()
      servers.disconnect()
      await Promise.allSettled(acts)
    },
  }
}

/** QEMU's own errors do not cross the port. */
function rethrow(error: unknown): never {
  const command = 'qemu-storage-daemon'
  if (error instanceof QmpError) {
    const how = `${error.command} was refused`
    throw new CrosspoolError('COMMAND_FAILED', { command, how, output: error.reason }, error)
  }
  if (error instanceof QmpClosedError)
    throw new CrosspoolError(
      'COMMAND_FAILED',
      { command, how: 'it ended', output: error.message },
      error,
    )
  throw error
}

/** Nobody asks for it, since `verifies` is false. */
async function cannotVerify(): Promise<never> {
  const reason = 'QEMU compares no disks'
  throw new CrosspoolError('NOT_SUPPORTED', { what: 'Comparing both sides', reason })
}
