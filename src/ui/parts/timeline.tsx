import { duration } from '../../lib/quantities.ts'
import type { Operation, StepRecord } from '../../model/operation.ts'
import { timelineOf } from '../views/timeline.ts'
import { stepTones } from '../views/tones.ts'
import { useStore } from './use-store.ts'

const marks: Readonly<Record<StepRecord['state'], string>> = {
  waiting: '·',
  running: '▸',
  done: '✓',
  failed: '✕',
  undoing: '↶',
  undone: '↶',
  'undo-failed': '✕',
}

/** The phases, each where it lies in time. */
export function Timeline({ operation }: { operation: Operation }) {
  const rows = timelineOf(operation, useStore().nowMs.value)
  return (
    <section class="panel" aria-labelledby="timeline">
      <h2 id="timeline">Phases</h2>
      <ol class="timeline">
        {rows.map(({ name, state, meaning, tookMs, bar, isBlackout, isFirstBeyondReturn }) => (
          <li
            key={name}
            class={`${stepTones[state]} ${state} ${isFirstBeyondReturn ? 'beyond' : ''}`}
            aria-current={state === 'running' ? 'step' : undefined}
            title={meaning}
          >
            <span class="mark" aria-hidden="true">
              {marks[state]}
            </span>
            <span class="name">{name}</span>
            <span class="for-ears">{state}</span>
            <span class="track" aria-hidden="true">
              {bar !== null && (
                <span
                  class={isBlackout ? 'blackout' : ''}
                  style={{ left: `${bar.from * 100}%`, width: `${bar.width * 100}%` }}
                />
              )}
            </span>
            <span class="took">{tookMs === null ? '' : duration(tookMs)}</span>
          </li>
        ))}
      </ol>
      {rows.some(({ isFirstBeyondReturn }) => isFirstBeyondReturn) && (
        <p class="quiet small">
          <span class="swatch blackout" /> the VM stands still · below the line it only goes
          forwards
        </p>
      )}
    </section>
  )
}
