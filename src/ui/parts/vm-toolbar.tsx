import { useState } from 'preact/hooks'
import { isCrosspoolError } from '../../model/errors.ts'
import type { Vm } from '../../model/vm.ts'
import { textOf } from '../follow.ts'
import type { Store } from '../store.ts'
import { wordOf } from '../views/replicas.ts'
import { actionsFor, isCopy, type VmAction, vmActions } from '../views/vm-actions.ts'
import { Confirm } from './confirm.tsx'
import { MigrateDialog } from './migrate-dialog.tsx'
import { useDrop } from './use-drop.ts'
import { useStore } from './use-store.ts'

export function VmToolbar({ vm }: { vm: Vm }) {
  const store = useStore()
  const [asked, setAsked] = useState<VmAction | null>(null)
  const [busy, setBusy] = useState<VmAction | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const question = asked === null ? null : vmActions[asked].question

  async function act(action: VmAction): Promise<void> {
    setAsked(null)
    setBusy(action)
    setProblem(null)
    try {
      await perform(store, action, vm.id)
      store.announcement.value = `${vmActions[action].label.replace('…', '')}: done.`
      await store.refresh()
    } catch (error) {
      setProblem(error)
    }
    setBusy(null)
  }

  function press(action: VmAction): void {
    const asks = isCopy(action) || vmActions[action].question !== null
    if (asks) setAsked(action)
    else void act(action)
  }

  return (
    <>
      <div class="actions" role="toolbar" aria-label={`Actions for ${vm.name}`}>
        {actionsFor(vm).map((action) => (
          <button
            key={action}
            type="button"
            class={action === 'migrate' ? 'primary' : ''}
            disabled={busy !== null}
            onClick={() => press(action)}
          >
            {busy === action ? 'Working …' : vmActions[action].label}
          </button>
        ))}
      </div>
      <p role="alert" class="problem">
        {problem !== null && textOf(problem)}
      </p>
      {isCrosspoolError(problem, 'REPLICA_UNDECIDED') && (
        <Undecided vm={vm} host={String(problem.details.host)} onDropped={() => setProblem(null)} />
      )}
      {asked !== null && isCopy(asked) && (
        <MigrateDialog act={asked} vm={vm} onClose={() => setAsked(null)} />
      )}
      {asked !== null && question !== null && (
        <Confirm
          title={`${vmActions[asked].label.replace('…', '')} ${vm.name}?`}
          action={vmActions[asked].label.replace('…', '')}
          onConfirm={() => void act(asked)}
          onClose={() => setAsked(null)}
        >
          <p>{question(vm.name)}</p>
        </Confirm>
      )}
    </>
  )
}

interface UndecidedProps {
  readonly vm: Vm
  /** That may have been given the VM, and does not say. */
  readonly host: string
  readonly onDropped: () => void
}

/** What only an administrator can know is asked of him. */
function Undecided({ vm, host, onDropped }: UndecidedProps) {
  const { ask, asked, drop, isBusy, outcome } = useDrop(onDropped)
  return (
    <>
      <div class="actions">
        <button type="button" disabled={isBusy} onClick={() => ask(vm.id)}>
          Drop the replica…
        </button>
      </div>
      <p role="alert" class="problem">
        {outcome}
      </p>
      {asked !== null && (
        <Confirm
          title={`Drop the replica of ${vm.name}?`}
          action="Drop it"
          onConfirm={() => void drop(asked)}
          onClose={() => ask(null)}
        >
          <p>{wordOf(vm.name, host)}</p>
          <p>{host} is not told: drop the replica there, too, when it is back.</p>
        </Confirm>
      )}
    </>
  )
}

function perform({ client }: Store, action: VmAction, vm: string): Promise<unknown> {
  const call = { params: { vm } }
  switch (action) {
    case 'start':
      return client.startHaltedVm(call)
    case 'shutdown':
      return client.shutdownVm(call)
    case 'reboot':
      return client.rebootVm({ ...call, body: { how: 'clean' } })
    case 'reset':
      return client.rebootVm({ ...call, body: { how: 'hard' } })
    case 'pause':
      return client.pauseVm(call)
    case 'unpause':
      return client.unpauseVm(call)
    case 'destroy':
      return client.destroyVm(call)
    case 'forget':
      return client.forgetVm(call)
    case 'migrate':
    case 'replicate':
      return Promise.resolve()
  }
}
