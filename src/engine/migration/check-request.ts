import { CrosspoolError } from '../../model/errors.ts'
import type { ReceiveRequest } from '../../model/migration.ts'

/**
 * The parts of what a source asks for must be about one VM: whatever is given to the VM here is one
 * of the disks and networks that the checks look at. @throws BAD_REQUEST
 */
export function checkRequest(request: ReceiveRequest): void {
  const reason = contradiction(request)
  if (reason !== null) throw new CrosspoolError('BAD_REQUEST', { reason })
}

function contradiction({ vm, disks, interfaces, definition }: ReceiveRequest): string | null {
  if (!areSame(vm.disks, disks)) return 'the disks that come are not those of the VM'
  if (!areSame(vm.interfaces, interfaces)) return 'the interfaces are not those of the VM'
  if (new Set(disks.map(({ vdi }) => vdi)).size < disks.length) return 'a VDI comes twice'
  if (definition === undefined) return null
  if (definition.id !== vm.id || definition.name !== vm.name)
    return 'its definition is that of another VM'
  const stranger = definition.disks.find(({ vdi }) => !disks.some((disk) => disk.vdi === vdi))
  return stranger ? `its definition names VDI ${stranger.vdi}, which does not come with it` : null
}

type Slots = readonly { readonly slot: string }[]

/** The same slots on both sides, each once. */
function areSame(one: Slots, other: Slots): boolean {
  const slots = new Set(one.map(({ slot }) => slot))
  const isOnce = slots.size === one.length && one.length === other.length
  return isOnce && other.every(({ slot }) => slots.delete(slot))
}
