import type { Vm } from '../../model/vm.ts'

/** In the order of the buttons. */
const actions = [
  ...(['migrate', 'replicate', 'start', 'pause', 'unpause'] as const),
  ...(['shutdown', 'reboot', 'reset', 'destroy', 'forget'] as const),
]
export type VmAction = (typeof actions)[number]

interface ActionView {
  readonly label: string
  readonly from: readonly Vm['state'][]
  /** What is asked before it is done; null: it harms nothing. */
  readonly question: ((name: string) => string) | null
}

const live = ['running', 'paused', 'suspended', 'shutdown', 'crashed'] as const

/** What may be done to a VM in which state: the engine refuses everything else. */
export const vmActions: Readonly<Record<VmAction, ActionView>> = {
  migrate: { label: 'Migrate…', from: ['running', 'paused'], question: null },
  replicate: { label: 'Replicate…', from: ['running', 'paused'], question: null },
  start: { label: 'Start', from: ['halted'], question: null },
  pause: { label: 'Pause', from: ['running'], question: null },
  unpause: { label: 'Resume', from: ['paused'], question: null },
  shutdown: { label: 'Shut down', from: ['running'], question: null },
  reboot: { label: 'Reboot', from: ['running'], question: null },
  reset: {
    label: 'Reset…',
    from: ['running', 'paused'],
    question: (name) =>
      `${name} starts anew as if its reset button were pressed. What the guest has not written to its disks is lost.`,
  },
  destroy: {
    label: 'Power off…',
    from: live,
    question: (name) =>
      `${name} ends as if its power were cut. What the guest has not written to its disks is lost. Its disks stay.`,
  },
  forget: {
    label: 'Forget…',
    from: ['halted'],
    question: (name) =>
      `The definition of ${name} is dropped here: it cannot be started again from it. Its disks stay.`,
  },
}

/** What copies disks to another host, after a dialog with all of its choices. */
export type CopyAction = Extract<VmAction, 'migrate' | 'replicate'>

export function isCopy(action: VmAction): action is CopyAction {
  return action === 'migrate' || action === 'replicate'
}

export function actionsFor({ state, operation }: Vm): readonly VmAction[] {
  if (operation !== null) return []
  return actions.filter((action) => vmActions[action].from.includes(state))
}
