import type { Operation, StepRecord } from '../../model/operation.ts'
import type { Replication } from '../../model/replication.ts'
import type { Vm } from '../../model/vm.ts'

/** How a state looks; never the only thing that tells it. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet'

export const vmTones: Readonly<Record<Vm['state'], Tone>> = {
  running: 'good',
  paused: 'warn',
  suspended: 'warn',
  shutdown: 'quiet',
  crashed: 'bad',
  halted: 'quiet',
}

export const operationTones: Readonly<Record<Operation['state'], Tone>> = {
  queued: 'quiet',
  running: 'busy',
  undoing: 'warn',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'warn',
}

export const stepTones: Readonly<Record<StepRecord['state'], Tone>> = {
  waiting: 'quiet',
  running: 'busy',
  done: 'good',
  failed: 'bad',
  undoing: 'warn',
  undone: 'warn',
  'undo-failed': 'bad',
}

export const replicationTones: Readonly<Record<Replication['state'], Tone>> = {
  offered: 'quiet',
  connecting: 'busy',
  syncing: 'busy',
  synced: 'good',
  interrupted: 'warn',
  'handed-over': 'good',
  paused: 'good',
  failed: 'bad',
  stopped: 'quiet',
}

export const checkTones = { passed: 'good', warning: 'warn', failed: 'bad' } as const
