import type { Leftover } from '../../api/contract/shared.ts'
import type { Host, Network, Pool } from '../../model/host.ts'
import type { Sr } from '../../model/sr.ts'
import type { Vdi } from '../../model/vdi.ts'
import type { Vm, VmState } from '../../model/vm.ts'
import { bytes } from './quantities.ts'
import type { Style, StyleName } from './style.ts'
import { fields, table } from './table.ts'

export function hostsView(hosts: readonly Host[], style: Style): string {
  return table(
    hosts,
    [
      { title: 'HOST', cell: ({ name }) => name },
      { title: 'POOL', cell: ({ pool }) => pool },
      {
        title: 'STATE',
        cell: ({ reachable }) =>
          reachable ? { text: 'reachable', style: 'green' } : { text: 'silent', style: 'red' },
      },
      { title: 'HYPERVISOR', cell: ({ hypervisor, version }) => `${hypervisor} ${version}` },
      { title: 'MEMORY FREE', align: 'right', cell: (host) => bytes(host.freeMemoryBytes) },
      { title: 'OF', align: 'right', cell: ({ memoryBytes }) => bytes(memoryBytes) },
      { title: 'MIRRORS WITH', cell: (host) => host.replicationSchemes.join(', ') || '-' },
      { title: 'URL', cell: ({ url }) => url },
    ],
    'No hosts.',
    style,
  )
}

export function poolsView(pools: readonly Pool[], style: Style): string {
  return table(
    pools,
    [
      { title: 'POOL', cell: ({ name }) => name },
      { title: 'HOSTS', cell: ({ hosts }) => hosts.join(', ') },
    ],
    'No pools.',
    style,
  )
}

export function networksView(networks: readonly Network[], style: Style): string {
  return table(
    networks,
    [{ title: 'NETWORK', cell: ({ name }) => name }],
    'This host has no networks.',
    style,
  )
}

const vmColours: Readonly<Record<VmState, StyleName>> = {
  running: 'green',
  paused: 'yellow',
  suspended: 'yellow',
  shutdown: 'dim',
  crashed: 'red',
  halted: 'dim',
}

export function vmsView(vms: readonly Vm[], style: Style): string {
  return table(
    vms,
    [
      { title: 'VM', cell: ({ name }) => name },
      { title: 'STATE', cell: ({ state }) => ({ text: state, style: vmColours[state] }) },
      { title: 'VCPUS', align: 'right', cell: ({ vcpus }) => String(vcpus) },
      { title: 'MEMORY', align: 'right', cell: ({ memoryBytes }) => bytes(memoryBytes) },
      { title: 'DISKS', align: 'right', cell: ({ disks }) => String(disks.length) },
      { title: 'OPERATION', cell: ({ operation }) => operation ?? '-' },
      { title: 'UUID', cell: ({ id }) => id },
    ],
    'No VMs run on this host.',
    style,
  )
}

export function vmView(vm: Vm, style: Style): string {
  const facts = fields(
    [
      ['name', style('bold', vm.name)],
      ['uuid', vm.id],
      ['state', style(vmColours[vm.state], vm.state)],
      ['host', vm.host],
      ['vcpus', String(vm.vcpus)],
      ['memory', bytes(vm.memoryBytes)],
      ['epoch', String(vm.epoch)],
      ['operation', vm.operation ?? '-'],
    ],
    style,
  )
  const disks = table(
    vm.disks,
    [
      { title: 'DISK', cell: ({ slot }) => slot },
      { title: 'MODE', cell: ({ readOnly }) => (readOnly ? 'read-only' : 'read-write') },
      { title: 'DEVICE', cell: ({ device, vdi }) => device || (vdi ? `VDI ${vdi}` : '-') },
    ],
    'No disks.',
    style,
  )
  const interfaces = table(
    vm.interfaces,
    [
      { title: 'INTERFACE', cell: ({ slot }) => slot },
      { title: 'MAC', cell: ({ mac }) => mac },
      { title: 'NETWORK', cell: ({ network }) => network },
    ],
    'No network interfaces.',
    style,
  )
  const obstacles = vm.obstacles.map(
    (obstacle) => `${style('yellow', 'cannot migrate:')} ${obstacle}`,
  )
  return [
    facts,
    '',
    disks,
    '',
    interfaces,
    ...(obstacles.length > 0 ? ['', ...obstacles] : []),
  ].join('\n')
}

export function srsView(srs: readonly Sr[], style: Style): string {
  return table(
    srs,
    [
      { title: 'SR', cell: ({ name }) => name },
      { title: 'TYPE', cell: ({ type }) => type },
      { title: 'SHARED', cell: ({ shared }) => (shared ? 'yes' : 'no') },
      { title: 'FREE', align: 'right', cell: ({ freeBytes }) => bytes(freeBytes) },
      { title: 'OF', align: 'right', cell: ({ sizeBytes }) => bytes(sizeBytes) },
      { title: 'UUID', cell: ({ id }) => id },
    ],
    'No SRs. Make one known with `crosspool srs create`.',
    style,
  )
}

export function vdisView(vdis: readonly Vdi[], style: Style): string {
  return table(
    vdis,
    [
      { title: 'VDI', cell: ({ name }) => name },
      { title: 'STATE', cell: ({ state }) => state },
      { title: 'SIZE', align: 'right', cell: ({ sizeBytes }) => bytes(sizeBytes) },
      { title: 'USED', align: 'right', cell: ({ allocatedBytes }) => bytes(allocatedBytes) },
      { title: 'OURS', cell: ({ managed }) => (managed ? 'yes' : 'no') },
      { title: 'REPLICATION', cell: ({ replication }) => replication ?? '-' },
      { title: 'ID', cell: ({ id }) => id },
    ],
    'No VDIs.',
    style,
  )
}

export function vdiView(vdi: Vdi, style: Style): string {
  return fields(
    [
      ['name', style('bold', vdi.name)],
      ['id', vdi.id],
      ['sr', vdi.sr],
      ['size', `${bytes(vdi.sizeBytes)} (${vdi.sizeBytes} bytes)`],
      ['used', bytes(vdi.allocatedBytes)],
      ['made by', vdi.managed ? 'Crosspool' : 'the administrator; never destroyed by Crosspool'],
      ['state', vdi.state],
      ['device', vdi.device ?? '-'],
      ['replication', vdi.replication ?? '-'],
    ],
    style,
  )
}

export function leftoversView(things: readonly Leftover[], style: Style): string {
  return table(
    things,
    [
      { title: 'KIND', cell: ({ kind }) => kind },
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'MADE FOR', cell: ({ owner }) => owner },
      {
        title: 'WHY IT IS THERE',
        cell: ({ reason }) => reason ?? { text: 'no reason: a leftover', style: 'yellow' },
      },
    ],
    'Nothing of Crosspool is on this host.',
    style,
  )
}

export function cleanedView(things: readonly Leftover[], style: Style): string {
  return table(
    things,
    [
      { title: 'KIND', cell: ({ kind }) => kind },
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'MADE FOR', cell: ({ owner }) => owner },
      {
        title: 'OUTCOME',
        cell: ({ reason }) =>
          reason === null ? 'removed' : { text: `stays: ${reason}`, style: 'yellow' },
      },
    ],
    'There was nothing to clean.',
    style,
  )
}
