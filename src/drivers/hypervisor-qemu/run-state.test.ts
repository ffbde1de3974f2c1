import { expect, test } from 'vitest'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import { defaultQemuLimits } from './qemu-context.ts'
import { bringToRun } from './run-state.ts'

/** A QEMU 7.2 that has stopped the guest for a migration. `next`: how its migration stands after a command. */
function stoppedQemu(first: string, next: (command: string, status: string) => string) {
  const commands: string[] = []
  let status = first
  let runState = 'finish-migrate'
  const qmp: Qmp = {
    version: '7.2.17',
    closed: new Promise(() => {}),
    async execute(command, fields) {
      commands.push(command)
      const answers = { 'query-migrate': { status }, 'query-status': { status: runState } }
      if (command === 'cont') runState = 'running'
      // It hears only who knows how it stands.
      else if (command !== 'migrate-continue' || fields?.state === status)
        status = next(command, status)
      return answers[command as 'query-status'] ?? {}
    },
    onEvent: () => () => {},
    close: () => {},
  }
  /** Answers what it was told until the guest ran. */
  async function brought(isSwitching?: boolean): Promise<readonly string[]> {
    const clock = createSimulatedClock()
    const context = { clock, limits: defaultQemuLimits }
    const running = bringToRun(context, 'vm', qmp, isSwitching)
    await clock.advance(1_000)
    await running
    expect(runState).toBe('running')
    return commands
  }
  return { brought }
}

test('a guest whose migration was cancelled at the worst moment runs on', async () => {
  // As it has been seen: it waits to be told to continue.
  const { brought } = stoppedQemu('cancelling', (command, status) =>
    command === 'migrate-continue' ? 'cancelled' : status,
  )
  expect(await brought()).not.toContain('migrate_cancel')
})

test.each([
  ['device', false],
  ['pre-switchover', true],
] as const)(
  'a switchover (%s) is not cancelled: without its socket it fails by itself',
  async (first, isSwitching) => {
    let looks = 0
    const { brought } = stoppedQemu(first, (command, status) => {
      if (command === 'query-migrate') looks += 1
      return looks > 3 ? 'failed' : status
    })
    expect(await brought(isSwitching)).not.toContain('migrate_cancel')
  },
)

test('a guest that has stopped before the switchover is taken back by a cancel', async () => {
  const { brought } = stoppedQemu('pre-switchover', (command, status) =>
    command === 'migrate_cancel' ? 'cancelled' : status,
  )
  expect(await brought()).toContain('migrate_cancel')
})
