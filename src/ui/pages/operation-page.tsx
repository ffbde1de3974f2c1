import { useEffect, useState } from 'preact/hooks'
import { migrationDetailsOf } from '../../model/migration.ts'
import type { Operation } from '../../model/operation.ts'
import { followOperation, textOf } from '../follow.ts'
import { Badge } from '../parts/badge.tsx'
import { CancelButton } from '../parts/cancel-button.tsx'
import { MigrationPicture } from '../parts/migration-picture.tsx'
import { MigrationReport } from '../parts/migration-report.tsx'
import { PageTitle } from '../parts/page-title.tsx'
import { Timeline } from '../parts/timeline.tsx'
import { useStore } from '../parts/use-store.ts'
import { allOf, subjectOf } from '../views/landscape.ts'
import { logOf, sentenceOf } from '../views/migration.ts'
import { linkToVm } from '../views/place.ts'
import { addSample, type Sample } from '../views/samples.ts'
import { clockTime } from '../views/times.ts'
import { operationTones } from '../views/tones.ts'

export function OperationPage({ id }: { id: string }) {
  const { operation, samples, problem } = useOperation(id)
  if (operation === null)
    return (
      <>
        <PageTitle title="Operation" />
        <p class="empty" aria-busy={problem === ''}>
          {problem === '' ? 'Looking for it …' : problem}
        </p>
      </>
    )
  return <OperationView operation={operation} samples={samples} />
}

interface OperationViewProps {
  readonly operation: Operation
  readonly samples: readonly Sample[]
}

function OperationView({ operation, samples }: OperationViewProps) {
  const { announcement } = useStore()
  const details = migrationDetailsOf(operation)
  const sentence = details === null ? '' : sentenceOf(operation, details)
  useEffect(() => {
    announcement.value = sentence
  }, [sentence, announcement])

  return (
    <>
      <PageTitle title={`${operation.kind} ${subjectOf(operation)}`}>
        <Badge tone={operationTones[operation.state]} text={operation.state} />
        {details !== null && <CancelButton operation={operation} details={details} />}
      </PageTitle>
      <p class="sentence">
        {sentence} <a href={linkToVm(operation.subject)}>Show the VM</a>
      </p>
      {operation.error !== null && (
        <div class={`notice ${operation.state === 'cancelled' ? 'warn' : 'bad'}`}>
          <strong>{operation.error.code}</strong> {operation.error.message}.{' '}
          {operation.error.advice}
        </div>
      )}
      {details !== null && <MigrationReport operation={operation} details={details} />}
      {details !== null && (
        <MigrationPicture operation={operation} details={details} samples={samples} />
      )}
      <div class="columns">
        <Timeline operation={operation} />
        <section class="panel" aria-labelledby="events">
          <h2 id="events">Events</h2>
          <ol class="log">
            {logOf(operation).map(({ atMs, text }) => (
              <li key={`${atMs} ${text}`}>
                <time>{clockTime(atMs)}</time> {text}
              </li>
            ))}
          </ol>
        </section>
      </div>
    </>
  )
}

/** This host's own operations by their events; another host's as its inventory shows them. */
function useOperation(id: string) {
  const store = useStore()
  const [operation, setOperation] = useState<Operation | null>(null)
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [problem, setProblem] = useState('')

  useEffect(() => {
    const following = new AbortController()
    void followOperation(store, id, following.signal, {
      onOperation(seen) {
        // It happened now, not at the last tick.
        store.tick()
        setOperation(seen)
        setProblem('')
        const details = migrationDetailsOf(seen)
        const step = seen.steps.find(({ state }) => state === 'running')?.name
        if (details === null || step === undefined) return
        setSamples((before) => addSample(before, details, store.nowMs.peek(), step))
      },
      onProblem: (error) => setProblem(textOf(error)),
    })
    return () => following.abort()
  }, [store, id])

  const elsewhere = allOf(store.inventories.value ?? [], 'operations').find(
    ({ it }) => it.id === id,
  )
  return { operation: operation ?? elsewhere?.it ?? null, samples, problem }
}
