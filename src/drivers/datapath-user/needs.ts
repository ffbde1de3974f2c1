import type { HostNeeds } from '../../ports/host-needs.ts'
import { program } from './storage-daemon.ts'

export const userDatapathNeeds: HostNeeds = {
  programs: [
    {
      ...{ command: program, versionArguments: ['--version'], package: 'qemu-system-common' },
      ...{ versionPattern: /version (\d+(?:\.\d+)*)/, oldest: '7.2' },
      purpose: 'serves and mirrors disks',
    },
  ],
  states: [['pgrep', '--list-full', program]],
}
