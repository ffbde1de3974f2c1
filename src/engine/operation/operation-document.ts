import type { Operation, StepState } from '../../model/operation.ts'
import type { OperationKind } from './step.ts'

type Steps = OperationKind<never, never>['steps']

/** Of an operation that has not begun. */
export function firstDocument(
  { kind, steps }: { readonly kind: string; readonly steps: Steps },
  { id, subject, nowMs }: { readonly id: string; readonly subject: string; readonly nowMs: number },
): Operation {
  return {
    ...{ id, kind, subject, state: 'running', progress: 0 },
    steps: steps.map(({ name }) => ({
      ...{ name, state: 'waiting' as const },
      ...{ startedAtMs: null, endedAtMs: null },
    })),
    details: {},
    error: null,
    startedAtMs: nowMs,
    endedAtMs: null,
  }
}

/** The step at this position is in this state now. */
export function markStep(
  operation: Operation,
  position: number,
  state: StepState,
  nowMs: number,
): Operation {
  const steps = operation.steps.map((step, index) => {
    if (index !== position) return step
    const begins = state === 'running' || step.startedAtMs === null
    return {
      ...step,
      state,
      startedAtMs: begins ? nowMs : step.startedAtMs,
      endedAtMs: state === 'running' ? null : nowMs,
    }
  })
  return { ...operation, steps }
}

/** 0 to 1; `fraction` of the step that runs is done. */
export function progressOf(operation: Operation, steps: Steps, fraction: number): number {
  const total = steps.reduce((sum, step) => sum + step.weight, 0)
  const reached = steps.reduce((sum, step, index) => {
    const state = operation.steps[index]?.state
    return sum + step.weight * (state === 'done' ? 1 : state === 'running' ? fraction : 0)
  }, 0)
  return total === 0 ? 1 : Math.min(1, reached / total)
}

/** A step has begun that cannot be cancelled, and has not been taken back. */
export function isBeyondReturn(operation: Operation, steps: Steps): boolean {
  return steps.some((step, index) => {
    const state = operation.steps[index]?.state
    const settled = step.forwards !== undefined || step.uncancellable
    return settled && state !== 'waiting' && state !== 'undone'
  })
}
