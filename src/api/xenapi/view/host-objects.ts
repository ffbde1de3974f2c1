import { version as crosspoolVersion } from '../../../lib/version.ts'
import type { Host } from '../../../model/host.ts'
import {
  hostClass,
  hostMetricsClass,
  networkClass,
  pifClass,
  poolClass,
} from '../classes/host-classes.ts'
import { vmClass } from '../classes/vm-classes.ts'
import { nullRef } from '../types.ts'
import type { Facts } from './facts.ts'
import { identities } from './identities.ts'
import { makeObject, type XenObject } from './objects.ts'
import { isResident } from './vm-objects.ts'

type Notes = (ref: string) => Readonly<Record<string, string>>

/** The host, its pool of one and its networks. */
export function hostObjects(facts: Facts, notes: Notes): XenObject[] {
  const { host, srs, vms } = facts
  const master = identities.host(host)
  const pool = identities.pool(host)
  const domain = identities.controlDomain(host)
  const cpuInfo = { modelname: host.cpuModel }
  const [roomiest] = srs
    .filter(({ shared }) => !shared)
    .toSorted((a, b) => b.freeBytes - a.freeBytes)
  return [
    makeObject(poolClass, pool, {
      name_label: host.pool,
      master: master.ref,
      default_SR: roomiest ? identities.sr(roomiest.id).ref : nullRef,
      other_config: notes(pool.ref),
      cpu_info: cpuInfo,
    }),
    makeObject(hostClass, master, {
      name_label: host.name,
      name_description: `${host.hypervisor} ${host.version}, ${host.cpuModel}`,
      address: new URL(host.url).hostname,
      hostname: host.name,
      software_version: softwareVersion(host),
      other_config: notes(master.ref),
      cpu_info: cpuInfo,
      metrics: identities.hostMetrics(host).ref,
      resident_VMs: [domain.ref, ...vms.filter(isResident).map(({ id }) => identities.vm(id).ref)],
      PIFs: host.networks.map(({ name }) => identities.pif(host, name).ref),
      PBDs: srs.map(({ id }) => identities.pbd(host, id).ref),
      control_domain: domain.ref,
    }),
    makeObject(hostMetricsClass, identities.hostMetrics(host), {
      memory_total: host.memoryBytes,
      memory_free: host.freeMemoryBytes,
    }),
    makeObject(vmClass, domain, {
      name_label: `Control domain on host: ${host.name}`,
      is_control_domain: true,
      power_state: 'Running',
      resident_on: master.ref,
    }),
    ...host.networks.flatMap(({ name }, index) => networkObjects(facts, name, index === 0, notes)),
  ]
}

function networkObjects(
  { host, vms }: Facts,
  name: string,
  isManagement: boolean,
  notes: Notes,
): XenObject[] {
  const network = identities.network(host, name)
  const pif = identities.pif(host, name)
  const plugged = vms.flatMap((vm) =>
    vm.interfaces
      .filter((candidate) => candidate.network === name)
      .map(({ slot }) => identities.vif(vm.id, slot).ref),
  )
  return [
    makeObject(networkClass, network, {
      name_label: name,
      bridge: name,
      VIFs: plugged,
      PIFs: [pif.ref],
      other_config: notes(network.ref),
    }),
    makeObject(pifClass, pif, {
      device: name,
      network: network.ref,
      host: identities.host(host).ref,
      IP: isManagement ? new URL(host.url).hostname : '',
      management: isManagement,
      ip_configuration_mode: isManagement ? 'Static' : 'None',
    }),
  ]
}

/**
 * `product_version` and `platform_version` are those of the XenServer whose API is spoken: clients
 * choose by them how they speak. What Crosspool itself is stands beside them.
 */
function softwareVersion({ hypervisor, version, apiVersion }: Host) {
  return {
    product_brand: 'Crosspool',
    product_version: '8.3.0',
    platform_version: '3.4.0',
    build_number: crosspoolVersion,
    crosspool: crosspoolVersion,
    xapi: apiVersion,
    hypervisor: `${hypervisor} ${version}`,
  }
}
