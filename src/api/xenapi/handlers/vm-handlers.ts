import { vmCreateSchema } from '../../../model/vm.ts'
import type { vmCalls } from '../calls/migration-calls.ts'
import { identities } from '../view/identities.ts'
import { findVm } from './find-objects.ts'
import type { CallHandlers, FaceParts } from './handler.ts'
import { readDocument } from './migration-handlers.ts'

export function vmHandlers(parts: FaceParts): CallHandlers<typeof vmCalls> {
  const { toolstack } = parts.backend
  return {
    'VM.start_new': async ({ definition }) => {
      const { id } = await toolstack.startVm(readDocument('definition', vmCreateSchema, definition))
      parts.view.changed()
      return identities.vm(id).ref
    },
    'VM.hard_shutdown': async ({ vm }) => {
      await toolstack.destroyVm((await findVm(parts, vm)).id)
      parts.view.changed()
      return ''
    },
  }
}
