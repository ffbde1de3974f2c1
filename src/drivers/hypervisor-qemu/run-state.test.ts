import { expect, test } from 'vitest'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import { defaultQemuLimits } from './qemu-context.ts'
import { bringToRun } from './run-state.ts'

/** A QEMU 7.2 that was cancelled just when it stopped the guest, as it has been seen: it waits to be told to continue. */
function stuckQemu() {
  const commands: string[] = []
  let isStuck = true
  let runState = 'finish-migrate'
  const qmp: Qmp = {
    version: '7.2.17',
    closed: new Promise(() => {}),
    async execute(command, fields) {
      commands.push(command)
      if (command === 'query-migrate') return { status: isStuck ? 'cancelling' : 'cancelled' }
      if (command === 'query-status') return { status: runState }
      if (command === 'migrate-continue' && fields?.state === 'cancelling') isStuck = false
      if (command === 'cont') runState = 'running'
      return {}
    },
    onEvent: () => () => {},
    close: () => {},
  }
  return { qmp, commands, runState: () => runState }
}

test('a guest whose migration was cancelled at the worst moment runs on', async () => {
  const clock = createSimulatedClock()
  const { qmp, commands, runState } = stuckQemu()
  const running = bringToRun({ clock, limits: defaultQemuLimits }, 'vm', qmp)
  await clock.advance(1_000)
  await running
  expect(runState()).toBe('running')
  expect(commands).not.toContain('migrate_cancel')
})
