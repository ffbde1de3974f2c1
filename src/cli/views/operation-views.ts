import type { Operation, OperationState, StepRecord } from '../../model/operation.ts'
import { wrapParts } from './fit.ts'
import { duration, percent } from './quantities.ts'
import type { Style, StyleName } from './style.ts'
import { table } from './table.ts'

const stateColours: Readonly<Record<OperationState, StyleName>> = {
  queued: 'dim',
  running: 'cyan',
  undoing: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

export function stateText(state: OperationState, style: Style): string {
  return style(stateColours[state], state)
}

export function operationsView(operations: readonly Operation[], style: Style): string {
  return table(
    operations,
    [
      { title: 'OPERATION', cell: ({ id }) => id },
      { title: 'KIND', cell: ({ kind }) => kind },
      { title: 'OF', cell: (operation) => operationName(operation) },
      { title: 'STATE', cell: ({ state }) => ({ text: state, style: stateColours[state] }) },
      { title: 'DONE', align: 'right', cell: ({ progress }) => percent(progress) },
      {
        title: 'TOOK',
        align: 'right',
        cell: ({ startedAtMs, endedAtMs }) =>
          endedAtMs === null ? '-' : duration(endedAtMs - startedAtMs),
      },
      { title: 'STARTED', cell: ({ startedAtMs }) => new Date(startedAtMs).toISOString() },
      { title: 'ERROR', cell: ({ error }) => error?.code ?? '' },
    ],
    'No operations.',
    style,
  )
}

/** The VM by its name, or what else it is about. */
export function operationName({ details, subject }: Operation): string {
  return typeof details.vmName === 'string' ? details.vmName : subject
}

const marks: Readonly<Record<StepRecord['state'], readonly [string, StyleName]>> = {
  waiting: ['·', 'dim'],
  running: ['▸', 'cyan'],
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
  undoing: ['↶', 'yellow'],
  undone: ['↶', 'dim'],
  'undo-failed': ['✗', 'red'],
}

/** The phases in their order, each with how long it took. */
export function timelineView(
  steps: readonly StepRecord[],
  nowMs: number,
  style: Style,
  width: number | null,
): string {
  return wrapParts(
    steps.map((step) => timelinePart(step, nowMs, style)),
    width,
  )
}

function timelinePart(step: StepRecord, nowMs: number, style: Style): string {
  const [mark, colour] = marks[step.state]
  const name = step.state === 'running' ? style('bold', step.name) : step.name
  if (step.startedAtMs === null) return style(colour, `${mark} ${step.name}`)
  const tookMs = Math.max(0, (step.endedAtMs ?? nowMs) - step.startedAtMs)
  return `${style(colour, mark)} ${name} ${style('dim', duration(tookMs))}`
}
