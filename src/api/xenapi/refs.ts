import { nameBasedUuid } from '../../lib/name-based-uuid.ts'

const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const prefix = 'OpaqueRef:'

/** Ours where it is a UUID already, else one made of class and id: the same on every host and after a restart. */
export function uuidOf(className: string, id: string): string {
  return uuidForm.test(id) ? id.toLowerCase() : nameBasedUuid(`xenapi/${className}`, id)
}

/** Clients know a reference by its prefix. */
export function refOf(className: string, id: string): string {
  return prefix + uuidOf(className, id)
}
