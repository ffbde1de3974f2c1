import { useState } from 'preact/hooks'
import type { Vm } from '../../model/vm.ts'
import { textOf } from '../follow.ts'
import { placeName } from '../views/landscape.ts'
import { firstChoices, type MigrateChoices, requestOf } from '../views/migrate-choices.ts'
import { linkToOperation } from '../views/place.ts'
import { Dialog } from './dialog.tsx'
import { MigrateFields } from './migrate-fields.tsx'
import { PreflightTable, verdictOf } from './preflight-table.tsx'
import { type PreflightState, usePreflight } from './use-preflight.ts'
import { useStore } from './use-store.ts'

export function MigrateDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
  const { inventories, own } = useStore()
  const others = (inventories.value ?? []).filter((known) => known !== own.value)
  return (
    <Dialog title={`Migrate ${vm.name}`} isWide onClose={onClose}>
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
        <MigrateForm vm={vm} first={firstChoices(others)} onClose={onClose} />
      )}
    </Dialog>
  )
}

interface MigrateFormProps {
  readonly vm: Vm
  readonly first: MigrateChoices
  readonly onClose: () => void
}

function MigrateForm({ vm, first, onClose }: MigrateFormProps) {
  const store = useStore()
  const [choices, setChoices] = useState(first)
  const [isAsking, setIsAsking] = useState(false)
  const [problem, setProblem] = useState('')
  const request = requestOf(choices)
  const preflight = usePreflight(vm.id, request)
  const { inventories, own } = store
  const destinations = (inventories.value ?? []).filter((known) => known !== own.value)
  const destination = destinations.find((known) => placeName(known) === choices.destination)
  const isPossible = preflight.state === 'checked' && preflight.last.possible

  async function migrate(event: Event): Promise<void> {
    event.preventDefault()
    if (!isPossible || isAsking) return
    setIsAsking(true)
    setProblem('')
    try {
      const { id } = await store.client.migrate({ params: { vm: vm.id }, body: request })
      location.hash = linkToOperation(id)
      onClose()
    } catch (error) {
      setProblem(textOf(error))
      setIsAsking(false)
    }
  }

  return (
    <form onSubmit={(event) => void migrate(event)}>
      <MigrateFields
        vm={vm}
        choices={choices}
        destinations={destinations}
        destination={destination}
        plan={preflight.last?.disks ?? []}
        onChange={(change) => setChoices({ ...choices, ...change })}
      />
      <section
        class="preflight"
        aria-labelledby="preflight"
        aria-busy={preflight.state === 'checking'}
      >
        <h3 id="preflight">Checks</h3>
        <Verdict preflight={preflight} />
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
          {isAsking ? 'Asking …' : 'Migrate'}
        </button>
      </div>
    </form>
  )
}

function Verdict({ preflight }: { preflight: PreflightState }) {
  const isGood = preflight.state === 'checked' && preflight.last.possible
  const tone = preflight.state === 'checking' ? '' : isGood ? 'good' : 'bad'
  return (
    <p role="status" class={`verdict ${tone}`}>
      {preflight.state === 'checking' && 'Asking both sides …'}
      {preflight.state === 'checked' && verdictOf(preflight.last)}
      {preflight.state === 'refused' && preflight.reason}
    </p>
  )
}
