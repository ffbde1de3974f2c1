import type { Sr } from '../../../model/sr.ts'
import type { Vdi } from '../../../model/vdi.ts'
import { pbdClass, srClass, vdiClass } from '../classes/storage-classes.ts'
import { diskKey, type Facts } from './facts.ts'
import { identities } from './identities.ts'
import { makeObject, type XenObject } from './objects.ts'

type Notes = (ref: string) => Readonly<Record<string, string>>

/** SRs, how the host reaches them, and the volumes in them. */
export function storageObjects(facts: Facts, notes: Notes): XenObject[] {
  const users = usersOfVdis(facts)
  return [
    ...facts.srs.flatMap((sr) => srObjects(sr, facts, notes)),
    ...facts.vdis.map((vdi) => vdiObject(vdi, users.get(vdi.id) ?? [])),
  ]
}

function srObjects(sr: Sr, { host, vdis }: Facts, notes: Notes): XenObject[] {
  const identity = identities.sr(sr.id)
  const pbd = identities.pbd(host, sr.id)
  const own = vdis.filter((vdi) => vdi.sr === sr.id)
  return [
    makeObject(srClass, identity, {
      name_label: sr.name,
      type: sr.type,
      shared: sr.shared,
      physical_size: sr.sizeBytes,
      physical_utilisation: sr.sizeBytes - sr.freeBytes,
      virtual_allocation: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      VDIs: own.map(({ id }) => identities.vdi(id).ref),
      PBDs: [pbd.ref],
      other_config: notes(identity.ref),
    }),
    makeObject(pbdClass, pbd, {
      host: identities.host(host).ref,
      SR: identity.ref,
      device_config: texts(sr.configuration),
    }),
  ]
}

function vdiObject(vdi: Vdi, users: readonly string[]): XenObject {
  return makeObject(vdiClass, identities.vdi(vdi.id), {
    name_label: vdi.name,
    SR: identities.sr(vdi.sr).ref,
    VBDs: users,
    virtual_size: vdi.sizeBytes,
    physical_utilisation: vdi.allocatedBytes,
    location: vdi.id,
    sm_config: { 'image-format': vdi.format },
  })
}

function usersOfVdis({ vms, vdiOfDisk }: Facts): ReadonlyMap<string, string[]> {
  const users = new Map<string, string[]>()
  for (const vm of vms) {
    for (const { slot } of vm.disks) {
      const vdi = vdiOfDisk.get(diskKey(vm.id, slot))
      if (vdi !== undefined)
        users.set(vdi, [...(users.get(vdi) ?? []), identities.vbd(vm.id, slot).ref])
    }
  }
  return users
}

function texts(configuration: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(configuration).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}
