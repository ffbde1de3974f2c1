import type { LabImage } from '../image/build-image.ts'
import type { RunPaths } from '../support/paths.ts'
import {
  type ForwardedPort,
  guestPorts,
  type HostSpecification,
  hostNetwork,
  prefixLength,
  type Topology,
} from '../topology.ts'

export interface HostPlan {
  readonly specification: HostSpecification
  readonly index: number
  readonly ports: Readonly<Record<ForwardedPort, number>>
  readonly topology: Topology
  readonly image: LabImage
  readonly paths: RunPaths
}

/**
 * `max` would crash dom0 at once (SMAP under PV). With +svm,+npt QEMU emulates AMD's nested paging, Xen detects HAP, and
 * PVH guests can be live-migrated; without it they could not, for Debian's Xen has no shadow paging.
 */
const processorModel = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+svm,+npt,+vgif'

export function qemuArguments(plan: HostPlan): string[] {
  const { specification, paths, image } = plan
  const { name } = specification
  return [
    ...['-name', `crosspool-lab-${name}`],
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', processorModel],
    ...['-smp', String(specification.processors ?? 1)],
    ...['-m', String(specification.memoryMib ?? 2048)],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-qmp', `unix:${paths.monitorSocket(name)},server=on,wait=off`],
    '-chardev',
    `socket,id=console,path=${paths.consoleSocket(name)},server=on,wait=off,logfile=${paths.consoleLog(name)},logappend=on`,
    ...['-serial', 'chardev:console'],
    ...bootArguments(plan, image),
    ...diskArguments(plan),
    ...networkArguments(plan),
  ]
}

function bootArguments(plan: HostPlan, image: LabImage): string[] {
  if (plan.specification.kind === 'linux') {
    return [
      '-kernel',
      image.kernel,
      '-append',
      kernelArguments(plan, 'ttyS0'),
      '-initrd',
      image.hostInitramfs,
    ]
  }
  // The hypervisor is a multiboot kernel: its first module is dom0's kernel with arguments, its second the initramfs.
  const xenArguments =
    'dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1 spec-ctrl=no xpti=no noreboot'
  const modules = `${image.kernel} ${kernelArguments(plan, 'hvc0')},${image.hostInitramfs}`
  return ['-kernel', image.hypervisor, '-append', xenArguments, '-initrd', modules]
}

/** Must not hold a comma: it would end the module in QEMU's list of multiboot modules. */
function kernelArguments(plan: HostPlan, console: string): string {
  const { topology, specification } = plan
  const { address, dataMac, controlMac } = hostNetwork(plan.index)
  const peers = topology.hosts.map(
    (host, index) => `lab.peer=${host.name}:${hostNetwork(index).address}`,
  )
  return [
    `root=/dev/vda rw console=${console} loglevel=5 mitigations=off net.ifnames=0`,
    `systemd.show_status=no systemd.hostname=${specification.name}`,
    `systemd.machine_id=${(0xc0de0000 + plan.index).toString(16).padStart(32, '0')}`,
    `lab.control=${controlMac} lab.data=${dataMac}`,
    `lab.address=${address}/${prefixLength} lab.mtu=${topology.mtu}`,
    ...peers,
  ].join(' ')
}

export interface HostDisk {
  readonly serial: string
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly isShared: boolean
}

/** In the order of /dev/vda, vdb, ...; software on the host should use /dev/disk/by-id/virtio-SERIAL. */
export function hostDisks(
  plan: Pick<HostPlan, 'specification' | 'topology' | 'paths'>,
): HostDisk[] {
  const { specification, topology, paths } = plan
  const directory = paths.hostDirectory(specification.name)
  const shared = topology.sharedDisks.filter((disk) => disk.hosts.includes(specification.name))
  return [
    { serial: 'root', path: `${directory}/root.qcow2`, format: 'qcow2', isShared: false },
    { serial: 'vg0', path: `${directory}/vg0.raw`, format: 'raw', isShared: false },
    { serial: 'images', path: `${directory}/images.raw`, format: 'raw', isShared: false },
    ...shared.map((disk) => ({
      serial: disk.name,
      path: `${paths.directory}/${disk.name}.raw`,
      format: 'raw' as const,
      isShared: true,
    })),
  ]
}

function diskArguments(plan: HostPlan): string[] {
  return hostDisks(plan).flatMap((disk) => {
    // All hosts go through this machine's page cache, so a shared disk is coherent without cache=none.
    const locking = disk.isShared ? ',file.locking=off' : ''
    const sharing = disk.isShared ? ',share-rw=on' : ''
    const drive = `if=none,id=${disk.serial},format=${disk.format},file.driver=file,file.filename=${disk.path}${locking}`
    return [
      '-drive',
      `${drive},cache=writeback,discard=unmap,detect-zeroes=off`,
      '-device',
      `virtio-blk-pci,drive=${disk.serial},serial=${disk.serial}${sharing}`,
    ]
  })
}

function networkArguments(plan: HostPlan): string[] {
  const { dataMac, controlMac } = hostNetwork(plan.index)
  const forwards = Object.entries(guestPorts).map(
    ([name, guestPort]) =>
      `,hostfwd=tcp:127.0.0.1:${plan.ports[name as ForwardedPort]}-:${guestPort}`,
  )
  const socket = plan.paths.networkSocket(plan.specification.name)
  return [
    ...['-netdev', `user,id=control${forwards.join('')}`],
    ...['-device', `virtio-net-pci,netdev=control,mac=${controlMac}`],
    ...['-netdev', `stream,id=data,server=off,addr.type=unix,addr.path=${socket}`],
    ...[
      '-device',
      `virtio-net-pci,id=data-card,netdev=data,mac=${dataMac},host_mtu=${plan.topology.mtu}`,
    ],
  ]
}
