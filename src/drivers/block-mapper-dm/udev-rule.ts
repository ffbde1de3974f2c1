import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandRunner } from '../../ports/command-runner.ts'

const runtimeRules = '/run/udev/rules.d'

/**
 * What is on a VM's disk is the guest's: udev shall neither link to it by its label nor offer it to
 * LVM, and looking at it would have to wait while a handover holds the device. Our own devices are
 * known by the beginning of their UUID.
 */
export const udevRule = [
  '# Written by Crosspool.',
  [
    'SUBSYSTEM=="block"',
    'KERNEL=="dm-*"',
    'ATTR{dm/uuid}=="CRYPT-SUBDEV-crosspool-*"',
    'ENV{DM_UDEV_DISABLE_DISK_RULES_FLAG}="1"',
    'ENV{DM_UDEV_DISABLE_OTHER_RULES_FLAG}="1"',
    'ENV{UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG}="1"',
    'OPTIONS:="nowatch"',
  ].join(', '),
  '',
].join('\n')

/** The rule goes where it is gone after a restart of the host, as the devices are. Without udev there is nothing to do. */
export async function installUdevRule(
  commandRunner: CommandRunner,
  directory: string = runtimeRules,
): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, '12-crosspool-mapper.rules'), udevRule)
  } catch {
    return
  }
  await commandRunner.probe('udevadm', ['control', '--reload'])
}
