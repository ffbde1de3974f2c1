import { useState } from 'preact/hooks'
import type { MigrationDetails } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import { textOf } from '../follow.ts'
import { cancelOf, isOfMemory } from '../views/migration.ts'
import { Confirm } from './confirm.tsx'
import { useStore } from './use-store.ts'

interface CancelButtonProps {
  readonly operation: Operation
  readonly details: MigrationDetails
}

/** What a cancel would do is said before it is done, and follows the migration while one reads. */
export function CancelButton({ operation, details }: CancelButtonProps) {
  const { client } = useStore()
  const [isAsked, setIsAsked] = useState(false)
  const [problem, setProblem] = useState('')
  const view = cancelOf(operation, details)

  async function cancel(): Promise<void> {
    setIsAsked(false)
    try {
      await client.cancelOperation({ params: { operation: operation.id } })
    } catch (error) {
      setProblem(textOf(error))
    }
  }

  return (
    <>
      {view !== null && (
        <button type="button" class="push-right" onClick={() => setIsAsked(true)}>
          Cancel…
        </button>
      )}
      {view !== null && isAsked && (
        <Confirm
          title={`Cancel this ${isOfMemory(operation) ? 'migration' : 'replication'}?`}
          action="Take it back"
          isPossible={view.isPossible}
          onConfirm={() => void cancel()}
          onClose={() => setIsAsked(false)}
        >
          {view.consequences.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </Confirm>
      )}
      <p role="alert" class="problem">
        {problem}
      </p>
    </>
  )
}
