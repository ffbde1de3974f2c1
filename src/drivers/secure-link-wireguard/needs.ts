import type { HostNeeds } from '../../ports/host-needs.ts'

export const wireguardNeeds: HostNeeds = {
  programs: [
    {
      ...{ command: 'wg', versionArguments: ['--version'], package: 'wireguard-tools' },
      versionPattern: /^wireguard-tools v(\S+)/,
      purpose: 'encrypts mirrors',
    },
    {
      ...{ command: 'ip', versionArguments: ['-V'], package: 'iproute2' },
      versionPattern: /iproute2-(\S+?),/,
      purpose: 'makes the links of encrypted mirrors',
    },
  ],
  modules: [
    {
      ...{ name: 'wireguard', isLoadedOnDemand: true },
      source: 'Use a kernel of Debian, or set "encryption": "off" in sm.json on both hosts.',
    },
  ],
  // Without keys: `wg show` would name them.
  states: [['ip', '-brief', 'link', 'show', 'type', 'wireguard']],
}
