import type { Qmp } from '../../lib/qmp/qmp.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Disk, Relocation } from '../../ports/datapath.ts'
import { openVolume, unlessRefused } from './block-commands.ts'
import { copyTargetNode, nodes, volumeNode } from './block-nodes.ts'
import { changeMode } from './devices.ts'
import { dismissJob, endingJob, endJob, findJob, removeTarget, startMirror } from './mirror-job.ts'
import type { Mirrors } from './mirrors.ts'
import { messageOf } from './parts.ts'

type Alone = <Result>(act: () => Promise<Result>) => Promise<Result>

/** QEMU tells when a job's state changes, but not its progress; that has to be asked for. */
const progressMs = 250

/**
 * The same job that mirrors a disk to another host, to a volume of this one. For the switch the VM's
 * device is taken away, and it waits; so nothing can be written to only one of the volumes between the
 * end of the job and the record of the caller. The disk is locked at the beginning and for the switch.
 */
export async function relocate(
  mirrors: Mirrors,
  alone: Alone,
  disk: Disk,
  to: Disk,
  relocation: Relocation,
): Promise<void> {
  let volume = disk
  try {
    await alone(() => begin(mirrors, disk, to))
    await untilCopied(mirrors, disk, relocation)
    await alone(async () => {
      await finish(mirrors, disk)
      relocation.signal.throwIfAborted()
      await Promise.race([relocation.commit(), letGo(mirrors.parts.closing)])
      volume = to
      await settle(mirrors, to)
    })
  } catch (error) {
    // What this program leaves behind is settled by the next one.
    if (!mirrors.parts.closing.aborted) await alone(() => settle(mirrors, volume))
    throw error
  }
}

function letGo(closing: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    closing.addEventListener('abort', () => reject(closing.reason), { once: true })
  })
}

async function begin({ servers }: Mirrors, disk: Disk, to: Disk): Promise<void> {
  const { qmp } = servers.daemon(disk.vdi)
  await openVolume(qmp, to.volumePath, volumeNode(to, nodes.copy))
  await qmp.execute('blockdev-add', copyTargetNode(to))
  await startMirror(qmp, 'full')
}

async function untilCopied(
  { servers, parts }: Mirrors,
  { vdi }: Disk,
  { onProgress, signal }: Relocation,
): Promise<void> {
  const { qmp } = servers.daemon(vdi)
  for (;;) {
    signal.throwIfAborted()
    const job = await findJob(qmp)
    if (job === null || job.hasEnded || job.error !== null) throw failed(job?.error)
    onProgress(job.leftBytes)
    if (job.isReady) return
    await parts.clock.sleep(progressMs, signal)
  }
}

/** Afterwards both volumes are the same, and the VM waits. */
async function finish(mirrors: Mirrors, disk: Disk): Promise<void> {
  const { parts, servers } = mirrors
  await changeMode(mirrors, disk, 'held')
  const { qmp } = servers.daemon(disk.vdi)
  const job = await endJob(qmp, parts.clock, parts.timing.deadlineMs, false)
  if (job === null || job.error !== null) throw failed(job?.error)
}

/** The VM's device leads to this volume; what was made to copy it is gone. */
export async function settle(mirrors: Mirrors, disk: Disk): Promise<void> {
  const { parts, servers } = mirrors
  const record = servers.record(disk.vdi)
  if (record === null) return
  const { qmp } = servers.daemon(disk.vdi)
  const clear = async () => {
    await endJob(qmp, parts.clock, parts.timing.deadlineMs, true)
    await dismissJob(qmp)
    await removeTarget(qmp)
    await removeCopy(qmp)
  }
  await endingJob(servers, disk.vdi, clear)
  const isThere = record.disk.volumePath === disk.volumePath
  const { isActivated } = record
  if (!isThere) await servers.put({ ...record, mode: 'withdrawn' })
  await servers.put({ disk: { ...disk, adopted: null }, mode: 'serving', isActivated })
}

async function removeCopy(qmp: Qmp): Promise<void> {
  await unlessRefused(/Failed to find node/, () =>
    qmp.execute('blockdev-del', { 'node-name': nodes.copy }),
  )
}

function failed(error: unknown): CrosspoolError {
  return new CrosspoolError('COPY_FAILED', { reason: messageOf(error ?? 'the copy has gone') })
}
