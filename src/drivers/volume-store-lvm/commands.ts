import type { LvmConfiguration } from './configuration.ts'
import { fenceTag, formatTags, unfinishedTag, type VolumeTags } from './tags.ts'

/** A call of an LVM program: its name and arguments. */
export type LvmCommand = readonly [command: string, ...args: string[]]

/**
 * Devices that LVM must not look at: they are ours, they carry the contents of guests (whose own
 * volume groups LVM would take for the host's), and during a handover they are suspended, so that
 * whoever reads them hangs.
 */
const rejectedDevices = ['r|^/dev/drbd|', 'r|^/dev/mapper/crosspool-|']
const acceptAllPatterns = new Set(['a|.*|', 'a/.*/', 'a|.*/|', 'a|/.*|'])

const reportFields = [
  'lv_uuid',
  'lv_name',
  'lv_size',
  'lv_tags',
  'lv_active',
  'lv_layout',
  'lv_role',
  'lv_path',
  'lv_dm_path',
  'lv_kernel_minor',
  'data_percent',
  'pool_lv',
  'zero',
  'lv_skip_activation',
]

/** Arguments that make every LVM program leave our own devices alone. */
export function lvmOptions(administratorsFilter: readonly string[]): readonly string[] {
  // A device is taken when any one of its names is; an "all others" pattern would let /dev/dm-N in.
  const kept = administratorsFilter.filter((pattern) => !acceptAllPatterns.has(pattern))
  const patterns = [...rejectedDevices, ...kept.filter((p) => !rejectedDevices.includes(p))]
  const list = patterns.map((pattern) => JSON.stringify(pattern)).join(',')
  return ['--config', `devices{ignore_suspended_devices=1 filter=[${list}]}`]
}

/** Answers the filter of the administrator's configuration. */
export function readFilter(): LvmCommand {
  return ['lvmconfig', '--typeconfig', 'full', 'devices/filter']
}

export function listVolumes({ volumeGroup }: LvmConfiguration): LvmCommand {
  return ['lvs', ...reportOptions, '-o', reportFields.join(','), volumeGroup]
}

export function reportGroup({ volumeGroup }: LvmConfiguration): LvmCommand {
  return ['vgs', ...reportOptions, '-o', 'vg_size,vg_free,vg_extent_size', volumeGroup]
}

const reportOptions = ['--reportformat', 'json', '--units', 'b', '--nosuffix']

function volumeName(id: string): string {
  return `crosspool-${id}`
}

export function createVolume(configuration: LvmConfiguration, tags: VolumeTags): LvmCommand {
  const { volumeGroup, thinPool } = configuration
  const common = [
    '--yes',
    '--name',
    volumeName(tags.id),
    ...formatTags(tags).flatMap((tag) => ['--addtag', tag]),
  ]
  if (thinPool !== undefined) {
    return [
      'lvcreate',
      ...common,
      '--thin',
      '--virtualsize',
      `${tags.sizeBytes}b`,
      `${volumeGroup}/${thinPool}`,
    ]
  }
  const clean = ['--wipesignatures', 'y', '--zero', 'y']
  return ['lvcreate', ...common, ...clean, '--size', `${tags.sizeBytes}b`, volumeGroup]
}

/** The device does it by itself where it can; otherwise this writes the whole volume once. */
export function zeroVolume(devicePath: string): LvmCommand {
  return ['blkdiscard', '--force', '--zeroout', devicePath]
}

export function finishVolume(path: string): LvmCommand {
  return ['lvchange', '--deltag', unfinishedTag, path]
}

export function activateVolume(path: string): LvmCommand {
  return ['lvchange', '--activate', 'y', '--ignoreactivationskip', path]
}

export function deactivateVolume(path: string): LvmCommand {
  return ['lvchange', '--activate', 'n', path]
}

/** Flag and tag in one change of LVM's metadata, so that the flag is known to be ours. */
export function raiseBootFence(path: string): LvmCommand {
  return ['lvchange', '--setactivationskip', 'y', '--addtag', fenceTag, path]
}

export function lowerBootFence(path: string): LvmCommand {
  return ['lvchange', '--setactivationskip', 'n', '--deltag', fenceTag, path]
}

export function removeVolume(path: string): LvmCommand {
  return ['lvremove', '--yes', '--force', path]
}
