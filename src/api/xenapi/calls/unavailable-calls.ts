import { bool, nothing, ref } from '../types.ts'
import type { CallDescription } from './describe-call.ts'

/** A call that clients know and the engine cannot do yet. */
export interface UnavailableCall {
  /** The power state without which it would be refused anyway; null where none matters. */
  readonly needs: 'Halted' | 'Paused' | 'Running' | 'Suspended' | null
  readonly description: CallDescription
}

const vm = ref('VM')
const paused = { start_paused: bool, force: bool } as const

/** NOT_IMPLEMENTED, after the checks that would come first. Not in `system.listMethods`. */
export const unavailableCalls: Readonly<Record<string, UnavailableCall>> = {
  'VM.suspend': call('Running', { vm }),
  'VM.resume': call('Suspended', { vm, ...paused }),
}

function call(
  needs: UnavailableCall['needs'],
  parameters: CallDescription['parameters'],
): UnavailableCall {
  return {
    needs,
    description: { about: '', role: 'operator', parameters, result: nothing, kind: 'slow' },
  }
}
