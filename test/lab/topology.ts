export type HostKind = 'xen' | 'linux'

export interface HostSpecification {
  readonly name: string
  /** A label: hosts of different pools differ in nothing else. */
  readonly pool: string
  readonly kind: HostKind
  readonly memoryMib?: number
  readonly processors?: number
}

/** A disk that several hosts reach, as over a SAN: /dev/disk/by-id/virtio-NAME on each. */
export interface SharedDiskSpecification {
  readonly name: string
  readonly hosts: readonly string[]
  readonly sizeBytes: number
}

export interface Topology {
  readonly hosts: readonly HostSpecification[]
  readonly sharedDisks: readonly SharedDiskSpecification[]
  readonly volumeGroupBytes: number
  readonly imageDiskBytes: number
  /** Of the data network's cards and bridges. */
  readonly mtu: number
}

const gibibyte = 1024 ** 3
const sizes = { volumeGroupBytes: 16 * gibibyte, imageDiskBytes: 8 * gibibyte, mtu: 1500 }

export const topologies: Readonly<Record<string, Topology>> = {
  /** Two pools, one of them with a disk that both its hosts reach. */
  pools: {
    ...sizes,
    hosts: [
      { name: 'alpha1', pool: 'alpha', kind: 'xen' },
      { name: 'alpha2', pool: 'alpha', kind: 'xen' },
      { name: 'beta1', pool: 'beta', kind: 'xen' },
    ],
    sharedDisks: [{ name: 'shared0', hosts: ['alpha1', 'alpha2'], sizeBytes: 8 * gibibyte }],
  },
  pair: {
    ...sizes,
    hosts: [
      { name: 'alpha1', pool: 'alpha', kind: 'xen' },
      { name: 'beta1', pool: 'beta', kind: 'xen' },
    ],
    sharedDisks: [],
  },
  single: {
    ...sizes,
    hosts: [{ name: 'alpha1', pool: 'alpha', kind: 'xen' }],
    sharedDisks: [],
  },
  linux: {
    ...sizes,
    hosts: [
      { name: 'alpha1', pool: 'alpha', kind: 'linux' },
      { name: 'beta1', pool: 'beta', kind: 'linux' },
    ],
    sharedDisks: [],
  },
}

/** Ports that daemons listen on inside every host; each is forwarded from a free port of loopback. */
export const guestPorts = { ssh: 22, sm: 7310, xapi: 7311 } as const
export type ForwardedPort = keyof typeof guestPorts

export interface HostNetwork {
  /** On the data network. These addresses exist inside the lab's own switch only. */
  readonly address: string
  readonly dataMac: string
  readonly controlMac: string
}

export const prefixLength = 24

export function hostNetwork(index: number): HostNetwork {
  const number = 11 + index
  const octet = number.toString(16).padStart(2, '0')
  return {
    address: `10.77.0.${number}`,
    dataMac: `52:54:00:77:00:${octet}`,
    controlMac: `52:54:00:ff:00:${octet}`,
  }
}
