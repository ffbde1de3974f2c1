import { bool, datetime, int, map, oneOf, ref, set, string } from '../types.ts'
import { defineClass, field } from './describe-class.ts'

const texts = map(string, string)
const uuid = field(string, 'unique and the same for ever')

export const poolClass = defineClass({
  name: 'pool',
  about:
    'Each host is a XenAPI pool of its own, with itself as the master: there is no master to speak for the others.',
  keepsNotes: true,
  fields: {
    uuid,
    name_label: field(string, 'the pool that the host is in'),
    name_description: field(string, ''),
    master: field(ref('host'), 'this host'),
    default_SR: field(ref('SR'), 'the SR of its own with the most space'),
    suspend_image_SR: field(ref('SR'), 'none'),
    crash_dump_SR: field(ref('SR'), 'none'),
    other_config: field(texts, 'notes of clients'),
    ha_enabled: field(bool, ''),
    ha_statefiles: field(set(string), ''),
    restrictions: field(texts, ''),
    tags: field(set(string), ''),
    cpu_info: field(texts, 'as of the host'),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const hostClass = defineClass({
  name: 'host',
  about: 'The host whose xapi answers.',
  keepsNotes: true,
  fields: {
    uuid,
    name_label: field(string, ''),
    name_description: field(string, 'its hypervisor and CPU'),
    address: field(string, 'of its xapi'),
    hostname: field(string, ''),
    enabled: field(bool, 'takes VMs in', true),
    API_version_major: field(int, 'of the XenAPI that is spoken', 2),
    API_version_minor: field(int, '', 21),
    API_version_vendor: field(string, '', 'Crosspool'),
    software_version: field(texts, 'product_version, xapi, hypervisor, ...'),
    other_config: field(texts, 'notes of clients'),
    capabilities: field(set(string), ''),
    cpu_info: field(texts, 'modelname'),
    license_params: field(texts, ''),
    chipset_info: field(texts, ''),
    metrics: field(ref('host_metrics'), ''),
    resident_VMs: field(set(ref('VM')), ''),
    PIFs: field(set(ref('PIF')), ''),
    PBDs: field(set(ref('PBD')), ''),
    control_domain: field(ref('VM'), 'stands for the host itself'),
    tags: field(set(string), ''),
    patches: field(set(string), ''),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const hostMetricsClass = defineClass({
  name: 'host_metrics',
  about: 'Memory of the host.',
  fields: {
    uuid,
    live: field(bool, 'it answers', true),
    memory_total: field(int, 'bytes'),
    memory_free: field(int, 'bytes'),
    last_updated: field(datetime, ''),
    other_config: field(texts, ''),
  },
})

export const networkClass = defineClass({
  name: 'network',
  about: "A network that the host's VMs may be plugged into.",
  keepsNotes: true,
  fields: {
    uuid,
    name_label: field(string, 'its name here'),
    name_description: field(string, ''),
    bridge: field(string, 'its name here'),
    VIFs: field(set(ref('VIF')), ''),
    PIFs: field(set(ref('PIF')), ''),
    MTU: field(int, '', 1500),
    managed: field(bool, ''),
    default_locking_mode: field(oneOf('unlocked', 'disabled'), ''),
    tags: field(set(string), ''),
    other_config: field(texts, 'notes of clients'),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const pifClass = defineClass({
  name: 'PIF',
  about:
    'How the host is plugged into a network. Crosspool does not configure interfaces: the first one bears the address of xapi, since clients look for a management interface.',
  fields: {
    uuid,
    device: field(string, "the network's name"),
    network: field(ref('network'), ''),
    host: field(ref('host'), ''),
    IP: field(string, 'address of xapi, on the management interface only'),
    management: field(bool, ''),
    physical: field(bool, ''),
    currently_attached: field(bool, '', true),
    ip_configuration_mode: field(oneOf('None', 'DHCP', 'Static'), ''),
    bond_slave_of: field(ref('Bond'), 'none'),
    bond_master_of: field(set(ref('Bond')), ''),
    VLAN: field(int, '', -1),
    VLAN_master_of: field(ref('VLAN'), 'none'),
    tunnel_access_PIF_of: field(set(ref('tunnel')), ''),
    MTU: field(int, '', 1500),
    other_config: field(texts, ''),
  },
})
