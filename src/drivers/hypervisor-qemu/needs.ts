import { failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostNeeds, HostView, Look } from '../../ports/host-needs.ts'
import type { Accelerator } from './prove-kvm.ts'
import type { QemuNetworks } from './qemu-context.ts'

export interface QemuSettings {
  readonly networks: QemuNetworks
  readonly accelerator: Accelerator | 'auto'
}

export function qemuNeeds({ networks, accelerator }: QemuSettings): HostNeeds {
  return {
    programs: [
      {
        ...{ command: 'qemu-system-x86_64', versionArguments: ['--version'] },
        ...{ versionPattern: /version (\d+(?:\.\d+)*)/, oldest: '7.2' },
        ...{ package: 'qemu-system-x86', purpose: 'runs VMs' },
      },
    ],
    looks: [
      { name: 'KVM', look: (host) => lookAtKvm(host, accelerator) },
      ...Object.entries(networks).map(([name, network]): Look => {
        return { name: `network ${name}`, look: (host) => lookAtNetwork(host, network) }
      }),
    ],
    states: [['pgrep', '--list-full', 'qemu']],
  }
}

async function lookAtKvm(host: HostView, accelerator: QemuSettings['accelerator']) {
  if (accelerator === 'tcg') return passed('not wanted: guests are emulated')
  if (await host.canUse('/dev/kvm')) return passed('/dev/kvm can be used')
  const isThere = (await host.status('/dev/kvm')) !== null
  const seen = isThere ? '/dev/kvm may not be opened' : 'there is no /dev/kvm'
  const advice = isThere
    ? "Put the daemons' user into the group kvm, or look as that user."
    : 'Switch virtualisation on in the firmware, then: modprobe kvm_intel or kvm_amd.'
  return accelerator === 'kvm' ? failed(seen, advice) : warning(`${seen}: guests are slow`, advice)
}

async function lookAtNetwork(host: HostView, network: QemuNetworks[string]): Promise<Verdict> {
  switch (network.type) {
    case 'user':
      return passed("QEMU's own NAT")
    case 'socket':
      return (await host.status(network.path)) === null
        ? failed(`there is no socket ${network.path}`, 'Start the switch that listens there.')
        : passed(`socket ${network.path}`)
    case 'bridge':
      return lookAtBridge(host, network.bridge)
  }
}

const bridgeFile = '/etc/qemu/bridge.conf'

async function lookAtBridge(host: HostView, bridge: string): Promise<Verdict> {
  if ((await host.status(`/sys/class/net/${bridge}/bridge`)) === null)
    return failed(`there is no bridge ${bridge}`, `Make it, or name another one in xapi.json.`)
  const allowed = (await host.readText(bridgeFile)) ?? ''
  const isAllowed = allowed.split('\n').some((line) => {
    const [word, name] = line.trim().split(/\s+/)
    return word === 'allow' && (name === bridge || name === 'all')
  })
  if (isAllowed) return passed(`bridge ${bridge}`)
  return failed(
    `QEMU may not use bridge ${bridge}`,
    `Write "allow ${bridge}" into ${bridgeFile}, readable by the daemons' user.`,
  )
}
