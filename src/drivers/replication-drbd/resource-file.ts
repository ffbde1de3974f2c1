import { CrosspoolError } from '../../model/errors.ts'
import type { BlockEndpoint, BlockResource } from '../../ports/block-replicator.ts'
import type { OptionSection, ReplicationOptions } from './options.ts'

export interface ResourceFileContent {
  readonly resource: BlockResource
  readonly minor: number
  readonly options: ReplicationOptions
  /** Major version of the kernel's part. */
  readonly driverMajor: number
  /** This host's name, as `uname -n` has it. */
  readonly hostName: string
}

/** Both sides of the mirror are this host: between two of its storage repositories. */
export function isWithinHost({ local, peer }: BlockResource): boolean {
  return local.address === peer.address
}

/**
 * The resource as drbdadm reads it. Hosts are named by address (`floating`), since two pools may
 * both have a host "xen1". Only where both have the same address the name must tell which is which.
 */
export function formatResourceFile(content: ResourceFileContent): string {
  const { resource, options } = content
  // Otherwise DRBD takes it that all devices do, and a target might show what it held before.
  const whole = resource.discardsReadAsZeroes ? 'yes' : 'no'
  const disk = { ...options.disk, 'discard-zeroes-if-aligned': whole }
  const net = { ...options.net, 'shared-secret': quote(resource.secret) }
  return [
    '# Written by Crosspool; removed when the replication ends. The secret is good for it alone.',
    `resource ${quote(resource.name)} {`,
    ...section('net', net),
    ...section('disk', disk),
    ...host(content, 'local'),
    '  # The other side keeps its own devices; what stands here only has to be there.',
    ...host(content, 'peer'),
    '}',
    '',
  ].join('\n')
}

/** Whether two resource files let the same two ends meet: addresses and secret are the same. */
export function isSameEncounter(one: string, other: string): boolean {
  const encounter = (text: string) => text.match(/^.*(?:floating|address|shared-secret) .*$/gm)
  return JSON.stringify(encounter(one)) === JSON.stringify(encounter(other))
}

/** What is given to `drbdadm -c`: by an administrator for all resources, by us for one. */
export function formatMainFile(resourceFiles: string): string {
  return [
    '# Written by Crosspool. To look at its replications: drbdadm -c THIS_FILE status',
    'global { usage-count no; }',
    `include ${quote(resourceFiles)};`,
    '',
  ].join('\n')
}

function host(content: ResourceFileContent, side: 'local' | 'peer'): string[] {
  const { resource, minor, driverMajor, hostName } = content
  const own = resource[side]
  const other = resource[side === 'local' ? 'peer' : 'local']
  const name = quote(side === 'local' ? hostName : 'crosspool-peer')
  const start = isWithinHost(resource)
    ? [`  on ${name} {`, `    address ${formatAddress(own)};`]
    : [`  floating ${formatAddress(own)} {`]
  return [
    ...start,
    ...(driverMajor >= 9 ? [`    node-id ${nodeId(own, other)};`] : []),
    `    device minor ${minor};`,
    `    disk ${quote(resource.device)};`,
    // Flexible: as long as the device is.
    `    meta-disk ${quote(resource.metadataDevice)};`,
    '  }',
  ]
}

/** Both sides must agree which of them is 0, without asking. */
function nodeId(own: BlockEndpoint, other: BlockEndpoint): 0 | 1 {
  return formatAddress(own) < formatAddress(other) ? 0 : 1
}

function formatAddress({ address, port }: BlockEndpoint): string {
  // Half of them are another host's words, and what follows a semicolon could be programs to run.
  if (!/^[A-Za-z0-9.:-]+$/.test(address) || !Number.isInteger(port))
    throw new CrosspoolError('BAD_REQUEST', { reason: `${JSON.stringify(address)} is no address` })
  return address.includes(':') ? `ipv6 [${address}]:${port}` : `ipv4 ${address}:${port}`
}

function section(name: string, options: OptionSection): string[] {
  const lines = Object.entries(options).map(([key, value]) => `    ${key} ${value};`)
  return [`  ${name} {`, ...lines, '  }']
}

function quote(text: string): string {
  if (/["\\\n]/.test(text)) throw new Error(`not possible in a resource file: ${text}`)
  return `"${text}"`
}
