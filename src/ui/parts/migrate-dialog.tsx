import { useState } from 'preact/hooks'
import type { KnownInventory } from '../../model/inventory.ts'
import type { Vm } from '../../model/vm.ts'
import { textOf } from '../follow.ts'
import { placeName } from '../views/landscape.ts'
import {
  commonKeepModes,
  firstChoices,
  type MigrateChoices,
  replicaHoursFirst,
  replicateRequestOf,
  requestOf,
} from '../views/migrate-choices.ts'
import { linkToOperation } from '../views/place.ts'
import type { CopyAction } from '../views/vm-actions.ts'
import { Dialog } from './dialog.tsx'
import { MigrateFields } from './migrate-fields.tsx'
import { PreflightTable, verdictOf } from './preflight-table.tsx'
import { type PreflightState, usePreflight } from './use-preflight.ts'
import { useStore } from './use-store.ts'

const verbs = {
  migrate: { verb: 'Migrate', participle: 'migrated' },
  replicate: { verb: 'Replicate', participle: 'replicated' },
} as const

interface MigrateDialogProps {
  readonly act: CopyAction
  readonly vm: Vm
  readonly onClose: () => void
}

/** Moves a VM to another host, or copies its disks there and leaves it where it is. */
export function MigrateDialog({ act, vm, onClose }: MigrateDialogProps) {
  const { inventories, own } = useStore()
  const others = (inventories.value ?? []).filter((known) => known !== own.value)
  return (
    <Dialog title={`${verbs[act].verb} ${vm.name}`} isWide onClose={onClose}>
      {others.length === 0 ? (
        <>
          <p class="empty">
            This host knows no other. Run <code>crosspool pool trust</code> there, and{' '}
            <code>crosspool pool join</code> here.
          </p>
          <div class="buttons">
            <button type="button" onClick={onClose}>
              Close
            </button>
          </div>
        </>
      ) : (
        <MigrateForm act={act} vm={vm} first={firstOf(act, others)} onClose={onClose} />
      )}
    </Dialog>
  )
}

function firstOf(act: CopyAction, others: readonly KnownInventory[]): MigrateChoices {
  const first = firstChoices(others)
  return act === 'replicate' ? { ...first, replicaHours: replicaHoursFirst } : first
}

interface MigrateFormProps extends MigrateDialogProps {
  readonly first: MigrateChoices
}

function MigrateForm({ act, vm, first, onClose }: MigrateFormProps) {
  const store = useStore()
  const [choices, setChoices] = useState(first)
  const [isAsking, setIsAsking] = useState(false)
  const [problem, setProblem] = useState('')
  const request = act === 'migrate' ? requestOf(choices) : replicateRequestOf(choices)
  const preflight = usePreflight(vm.id, request)
  const { inventories, own } = store
  const destinations = (inventories.value ?? []).filter((known) => known !== own.value)
  const destination = destinations.find((known) => placeName(known) === choices.destination)
  const isPossible = preflight.state === 'checked' && preflight.last.possible

  async function begin(event: Event): Promise<void> {
    event.preventDefault()
    if (!isPossible || isAsking) return
    setIsAsking(true)
    setProblem('')
    try {
      const { id } = await store.client[act]({ params: { vm: vm.id }, body: request })
      location.hash = linkToOperation(id)
      onClose()
    } catch (error) {
      setProblem(textOf(error))
      setIsAsking(false)
    }
  }

  return (
    <form onSubmit={(event) => void begin(event)}>
      {act === 'replicate' && (
        <p>
          Copies its disks to another host and keeps the copies there; {vm.name} stays. A later
          migration to that host sends only what differs. Done again, it brings them up to date.
        </p>
      )}
      <MigrateFields
        act={act}
        vm={vm}
        choices={choices}
        destinations={destinations}
        destination={destination}
        modes={commonKeepModes(own.value, destination)}
        plan={preflight.last?.disks ?? []}
        onChange={(change) => setChoices({ ...choices, ...change })}
      />
      <section
        class="preflight"
        aria-labelledby="preflight"
        aria-busy={preflight.state === 'checking'}
      >
        <h3 id="preflight">Checks</h3>
        <Verdict preflight={preflight} participle={verbs[act].participle} />
        {preflight.last !== null && <PreflightTable checks={preflight.last.checks} />}
      </section>
      <p role="alert" class="problem">
        {problem}
      </p>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" class="primary" disabled={!isPossible || isAsking}>
          {isAsking ? 'Asking …' : verbs[act].verb}
        </button>
      </div>
    </form>
  )
}

interface VerdictProps {
  readonly preflight: PreflightState
  readonly participle: string
}

function Verdict({ preflight, participle }: VerdictProps) {
  const isGood = preflight.state === 'checked' && preflight.last.possible
  const tone = preflight.state === 'checking' ? '' : isGood ? 'good' : 'bad'
  return (
    <p role="status" class={`verdict ${tone}`}>
      {preflight.state === 'checking' && 'Asking both sides …'}
      {preflight.state === 'checked' && verdictOf(preflight.last, participle)}
      {preflight.state === 'refused' && preflight.reason}
    </p>
  )
}
