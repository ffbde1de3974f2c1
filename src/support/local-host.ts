import { systemClock } from '../drivers/system/clock.ts'
import { systemHostView } from '../drivers/system/host-view.ts'
import type { Surroundings } from './host-state.ts'

/** The host that the command runs on. */
export function localHost(
  given: Pick<Surroundings, 'storage' | 'toolstack' | 'files'>,
): Surroundings {
  return { ...given, host: systemHostView, clock: systemClock }
}
