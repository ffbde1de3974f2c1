import type { BlockSegment, BlockTable } from '../../ports/block-mapper.ts'

export const command = 'dmsetup'

/**
 * LVM passes over devices whose UUID begins like this (subdevices that belong to somebody else), so
 * that it neither waits at one of ours that is suspended nor finds the volume groups of a guest.
 */
const hiddenUuidPrefix = 'CRYPT-SUBDEV-'

/** What is copied, and marked as copied, at once: 512 KiB. */
const mirrorRegionSectors = 1024

/** The table goes to standard input, since it may have several lines. */
export function createArguments(name: string): string[] {
  return ['create', '--uuid', `${hiddenUuidPrefix}${name}`, name]
}

export function loadArguments(name: string): string[] {
  return ['load', name]
}

export function clearArguments(name: string): string[] {
  return ['clear', name]
}

/**
 * No file system of this host is on the devices, so there is none to be frozen. What is under way is
 * waited for; only what a broken mirror holds back goes to the next table, where a flush would fail it.
 */
export function suspendArguments(names: readonly string[]): string[] {
  return ['suspend', '--nolockfs', '--noflush', ...names]
}

/** Waits for the kernel but not for udev, whose scan of the device may have to wait for us. */
export function resumeArguments(names: readonly string[]): string[] {
  return ['resume', '--nolockfs', '--noudevsync', ...names]
}

export function statusArguments(name: string): string[] {
  return ['status', name]
}

/** Tries again for a few seconds: somebody may just be looking what is on the device. */
export function removeArguments(name: string): string[] {
  return ['remove', '--retry', name]
}

export function tableArguments(name: string): string[] {
  return ['table', name]
}

export function infoArguments(name: string): string[] {
  return ['info', '--columns', '--noheadings', '--separator', ' ', '-o', 'suspended,open', name]
}

export function listArguments(): string[] {
  return ['info', '--columns', '--noheadings', '-o', 'name']
}

/** coreutils' `sync` calls fsync for this path alone, which ends with a flush of the disk's own cache. */
export const flushCommand = 'sync'

export function formatTable(table: BlockTable): string {
  return table.map((segment) => `${formatSegment(segment)}\n`).join('')
}

function formatSegment(segment: BlockSegment): string {
  const range = `${segment.startSector} ${segment.sectors}`
  switch (segment.target) {
    case 'linear':
      return `${range} linear ${segment.device} ${segment.offsetSectors}`
    case 'mirror':
      return `${range} mirror core 1 ${mirrorRegionSectors} 2 ${segment.device} 0 ${segment.copy} 0 1 handle_errors`
    case 'error':
    case 'zero':
      return `${range} ${segment.target}`
  }
}
