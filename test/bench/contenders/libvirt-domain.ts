import { join } from 'node:path'
import type { PlaygroundGuest } from '../../playground/playground-guest.ts'
import type { Side } from './two-sides.ts'

type Description = ReturnType<PlaygroundGuest['description']>

/** The test guest as libvirt wants it told. Its switch is a kind of network that only QEMU knows. */
export function domainXml(guest: Description, side: Side, id: string): string {
  const { kernel, initrd, arguments: words } = guest.boot
  const network = `stream,id=bench,server=off,addr.type=unix,addr.path=${side.network}`
  const nic = `virtio-net-pci,netdev=bench,mac=${guest.interfaces[0]?.mac},romfile=,bus=pcie.0,addr=0x14`
  const own = ['-netdev', network, '-device', nic].map((word) => `<qemu:arg value='${word}'/>`)
  return `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${guest.name}</name>
  <uuid>${id}</uuid>
  <memory unit='b'>${guest.memoryBytes}</memory>
  <vcpu>${guest.vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <kernel>${kernel}</kernel>
    <initrd>${initrd}</initrd>
    <cmdline>${words}</cmdline>
  </os>
  <features><acpi/><tcg><tb-cache unit='MiB'>128</tb-cache></tcg></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' discard='unmap'/>
      <source file='${side.image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='${join(side.directory, 'console.log')}'/></serial>
  </devices>
  <qemu:commandline>${own.join('')}</qemu:commandline>
</domain>
`
}
