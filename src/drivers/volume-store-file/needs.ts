import type { VolumeFormat } from '../../model/vdi.ts'
import type { HostNeeds, ProgramNeed } from '../../ports/host-needs.ts'
import type { Presentation } from '../../ports/volume-store.ts'

const tools = { package: 'qemu-utils', versionArguments: ['--version'] }

/** For images of this format, as they are presented to the datapath. */
export function imageNeeds(format: VolumeFormat, presentation: Presentation): HostNeeds {
  if (format === 'raw') return presentation === 'device' ? { programs: [loopDevices] } : {}
  const maker: ProgramNeed = {
    ...{ ...tools, command: 'qemu-img', versionPattern: /version (\d+(?:\.\d+)*)/ },
    purpose: `makes ${format} images`,
  }
  if (presentation === 'image') return { programs: [maker] }
  const server: ProgramNeed = {
    ...{ ...tools, command: 'qemu-nbd', versionPattern: /qemu-nbd (\d+(?:\.\d+)*)/ },
    purpose: `presents ${format} images as devices`,
  }
  return {
    programs: [maker, server],
    modules: [
      { name: 'nbd', isLoadedOnDemand: true, source: 'Use a kernel of Debian, which has it.' },
    ],
  }
}

const loopDevices: ProgramNeed = {
  ...{ command: 'losetup', versionArguments: ['--version'], package: 'mount' },
  versionPattern: /util-linux (\S+)/,
  purpose: 'presents raw images as devices',
}
