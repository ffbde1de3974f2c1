import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandRunner } from '../../ports/command-runner.ts'

const runtimeRules = '/run/udev/rules.d'

/**
 * What is on a VM's disk is the guest's: udev shall neither link to it by its label nor let LVM
 * activate the guest's volume groups here, and its looking would be in the way of a handover. A
 * device is ours when there is a reservation of that name.
 */
function formatUdevRule(reservationDirectory: string): string {
  return [
    '# Written by Crosspool.',
    [
      'SUBSYSTEM=="block"',
      'KERNEL=="drbd*"',
      `TEST=="${reservationDirectory}/%m"`,
      'ENV{UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG}="1"',
      'ENV{SYSTEMD_READY}="0"',
      'OPTIONS:="nowatch"',
    ].join(', '),
    '',
  ].join('\n')
}

/** The rule goes where it is gone after a restart of the host, as the devices are. Without udev there is nothing to do. */
export async function installUdevRule(
  commandRunner: CommandRunner,
  reservationDirectory: string,
  directory: string = runtimeRules,
): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(
      join(directory, '12-crosspool-drbd.rules'),
      formatUdevRule(reservationDirectory),
    )
  } catch {
    return
  }
  await commandRunner.probe('udevadm', ['control', '--reload'])
}
