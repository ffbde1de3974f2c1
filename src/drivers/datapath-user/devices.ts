import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'
import type { Disk } from '../../ports/datapath.ts'
import { withdrawUnused } from './block-commands.ts'
import { type DiskMode, newDiskRecord } from './disk-record.ts'
import type { Mirrors } from './mirrors.ts'
import { deviceUri } from './places.ts'

const closingMs = 2_000
const closingPauseMs = 20

/** Makes the VM's device. One that is there keeps what is beneath it, except for a fence. @throws BUSY */
export async function activate(mirrors: Mirrors, disk: Disk): Promise<string> {
  const { parts, servers } = mirrors
  const record = servers.record(disk.vdi)
  const isFence = record?.mode === 'fenced' || record?.mode === 'awaiting'
  if (record && !isFence) await servers.put({ ...record, isActivated: true })
  else if (!record || (await isUnused(mirrors, disk.vdi))) await openFirst(mirrors, disk)
  // A VM that has gone away may still have I/O under way behind the fence; one that is coming keeps it until the disk is taken.
  else if (record.mode === 'fenced') throw busy(disk.vdi)
  return deviceUri(parts, disk.vdi)
}

/** Where another host has the volume, as the source of a migration does, the VM's device is a fence until it is taken. */
async function openFirst({ servers, parts }: Mirrors, disk: Disk): Promise<void> {
  const isNew = servers.record(disk.vdi) === null
  try {
    await servers.put(newDiskRecord(disk, 'serving', true))
  } catch (error) {
    if (isCrosspoolError(error, 'BUSY')) {
      parts.log.warn({ vdi: disk.vdi }, 'the volume is in use elsewhere; the disk waits for it')
      return await servers.put(newDiskRecord(disk, 'awaiting', true))
    }
    if (isNew) await servers.remove(disk.vdi)
    throw error
  }
}

/** @throws BUSY while a VM has the device open, unless it has been handed over */
export async function deactivate(mirrors: Mirrors, disk: Disk): Promise<void> {
  const { servers } = mirrors
  const record = servers.record(disk.vdi)
  if (!record) return
  if (record.mode === 'serving' && !(await becomesUnused(mirrors, disk.vdi))) throw busy(disk.vdi)
  if (mirrors.ofDisk(disk.vdi)) await servers.put({ ...record, isActivated: false })
  else await servers.remove(disk.vdi)
}

/** The export is gone when this is true, so that nobody can come in between. */
export async function isUnused({ servers, parts }: Mirrors, vdi: string): Promise<boolean> {
  return await withdrawUnused(servers.daemon(vdi).qmp, parts.clock, 'vm')
}

/** The connections of a VM that has just been ended close a moment after its process is said to be gone. */
async function becomesUnused(mirrors: Mirrors, vdi: string): Promise<boolean> {
  const { clock } = mirrors.parts
  const untilMs = clock.monotonicMs() + closingMs
  for (;;) {
    if (await isUnused(mirrors, vdi)) return true
    if (clock.monotonicMs() >= untilMs) return false
    await clock.sleep(closingPauseMs)
  }
}

export async function changeMode({ servers }: Mirrors, disk: Disk, mode: DiskMode): Promise<void> {
  const record = servers.record(disk.vdi)
  const isActivated = record?.isActivated ?? true
  await servers.put(record ? { ...record, mode } : newDiskRecord(disk, mode, isActivated))
}

export function busy(vdi: string): CrosspoolError {
  return new CrosspoolError('BUSY', { kind: 'device', id: vdi, user: 'a VM that has it open' })
}
