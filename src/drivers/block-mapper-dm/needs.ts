import type { HostNeeds } from '../../ports/host-needs.ts'
import { command } from './commands.ts'

const kernel = 'Use a kernel of Debian, which has it.'

export const blockMapperNeeds: HostNeeds = {
  programs: [
    {
      ...{ command, versionArguments: ['--version'], package: 'dmsetup' },
      versionPattern: /Library version:\s+(\S+)/,
      purpose: 'puts mirrors beneath devices',
    },
  ],
  modules: [
    { name: 'dm_mod', isLoadedOnDemand: true, source: kernel },
    { name: 'dm_mirror', isLoadedOnDemand: true, source: kernel },
  ],
  states: [
    [command, 'info', '-c', '-o', 'name,uuid,major,minor,attr,open,segments,events'],
    [command, 'table'],
    [command, 'status'],
  ],
}
