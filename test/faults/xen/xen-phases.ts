import type { Phase } from '../phases.ts'

export type Moment = Pick<Phase, 'name' | 'step' | 'era' | 'explanation'>

/** Nothing is held here: an emulated host takes long enough for each step, and the fault comes as soon as it is seen. */
export const xenPhases: readonly Moment[] = [
  {
    ...{ name: 'synchronise', step: 'synchronise', era: 'before' },
    explanation: 'the disk is being copied',
  },
  {
    ...{ name: 'arm', step: 'arm', era: 'before' },
    explanation: 'the handover is being prepared',
  },
  {
    ...{ name: 'memory', step: 'memory', era: 'before' },
    explanation: 'some memory has been sent',
  },
  {
    ...{ name: 'release', step: 'release', era: 'handover' },
    explanation: 'the VM is paused and its disk is being released',
  },
  {
    ...{ name: 'take', step: 'take', era: 'handover' },
    explanation: 'the VM is released, and the destination is asked to take it',
  },
  {
    ...{ name: 'unmirror', step: 'unmirror', era: 'after' },
    explanation: 'the destination runs it, and the mirrors are being taken out',
  },
]
