import { bool, int, map, oneOf, ref, set, string } from '../types.ts'
import { defineClass, field } from './describe-class.ts'

const texts = map(string, string)
const uuid = field(string, 'unique and the same for ever')

export const srClass = defineClass({
  name: 'SR',
  about: "An SR of the host's storage manager.",
  keepsNotes: true,
  fields: {
    uuid,
    name_label: field(string, ''),
    name_description: field(string, ''),
    type: field(string, 'its driver: lvm, file, shared, ...'),
    content_type: field(string, '', 'user'),
    shared: field(bool, 'other hosts reach the same volumes'),
    physical_size: field(int, 'bytes'),
    physical_utilisation: field(int, 'bytes in use'),
    virtual_allocation: field(int, 'bytes of all its VDIs'),
    VDIs: field(set(ref('VDI')), ''),
    PBDs: field(set(ref('PBD')), ''),
    sm_config: field(texts, ''),
    other_config: field(texts, 'notes of clients'),
    tags: field(set(string), ''),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})

export const pbdClass = defineClass({
  name: 'PBD',
  about: 'That the host reaches an SR.',
  fields: {
    uuid,
    host: field(ref('host'), ''),
    SR: field(ref('SR'), ''),
    device_config: field(texts, 'what its driver was given'),
    currently_attached: field(bool, '', true),
    other_config: field(texts, ''),
  },
})

export const vdiClass = defineClass({
  name: 'VDI',
  about: 'A volume of an SR.',
  fields: {
    uuid,
    name_label: field(string, ''),
    name_description: field(string, ''),
    SR: field(ref('SR'), ''),
    VBDs: field(set(ref('VBD')), ''),
    virtual_size: field(int, 'bytes'),
    physical_utilisation: field(int, 'bytes'),
    type: field(oneOf('user', 'system'), ''),
    location: field(string, 'its id at the storage manager'),
    managed: field(bool, 'clients may see it', true),
    missing: field(bool, ''),
    read_only: field(bool, ''),
    sharable: field(bool, ''),
    storage_lock: field(bool, ''),
    parent: field(ref('VDI'), 'none'),
    is_a_snapshot: field(bool, ''),
    snapshot_of: field(ref('VDI'), 'none'),
    snapshots: field(set(ref('VDI')), ''),
    crash_dumps: field(set(ref('crashdump')), ''),
    on_boot: field(oneOf('persist', 'reset'), ''),
    allow_caching: field(bool, ''),
    cbt_enabled: field(bool, ''),
    sm_config: field(texts, ''),
    other_config: field(texts, ''),
    xenstore_data: field(texts, ''),
    tags: field(set(string), ''),
    allowed_operations: field(set(string), ''),
    current_operations: field(texts, ''),
  },
})
