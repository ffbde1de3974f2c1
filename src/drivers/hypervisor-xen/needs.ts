import { failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostNeeds, HostView } from '../../ports/host-needs.ts'

export const xenNeeds: HostNeeds = {
  programs: [
    {
      ...{ command: 'xen-cpuid', versionArguments: ['--help'], package: 'xen-utils' },
      purpose: "compares hosts' CPUs",
    },
    {
      ...{ command: 'socat', versionArguments: ['-V'], package: 'socat' },
      versionPattern: /socat version (\S+)/,
      purpose: "carries xl's memory stream",
    },
    {
      ...{ command: 'ip', versionArguments: ['-V'], package: 'iproute2' },
      versionPattern: /iproute2-([\w.-]+)/,
      purpose: 'lists bridges',
    },
  ],
  modules: [
    {
      ...{ name: 'xen_blkback', isLoadedOnDemand: true },
      source: 'Use a kernel of Debian, which has it.',
    },
  ],
  looks: [
    { name: 'Xen', look: lookAtXen },
    { name: '/etc/xen/auto', look: lookAtAutomaticStart },
  ],
  states: [
    ['xl', 'info'],
    ['xl', 'list', '-v'],
    ['xl', 'list', '-l'],
    ['xl', 'dmesg'],
    ['xenstore-ls', '-f', '/local/domain'],
  ],
}

const oldestVersion = [4, 17] as const

async function lookAtXen(host: HostView): Promise<Verdict> {
  const answer = await host.probe('xl', ['info']).catch(() => null)
  if (answer === null) return failed('there is no xl', 'apt install xen-hypervisor-amd64 xen-utils')
  if (answer.exitCode !== 0)
    return failed(
      `xl info: ${answer.stderr.trim().split('\n')[0]}`,
      'Boot the entry with Xen, as root; then "systemctl start xen" (xencommons).',
    )
  const [, version = 'unknown'] = /^xen_version\s*:\s*(\S+)/m.exec(answer.stdout) ?? []
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]))
    return passed(`Xen ${version}`)
  return failed(
    `Xen ${version}`,
    `${oldestVersion.join('.')} or newer is needed: upgrade to Debian 12.`,
  )
}

/** At a boot Xen's own start would run a VM that has been handed over. */
async function lookAtAutomaticStart(host: HostView): Promise<Verdict> {
  const entries = await host.listFolder('/etc/xen/auto')
  if (entries.length === 0) return passed('no VM is started at boot')
  return warning(
    `${entries.join(', ')}: started at boot, wherever it may run meanwhile`,
    'Take VMs that migrate out of /etc/xen/auto.',
  )
}
