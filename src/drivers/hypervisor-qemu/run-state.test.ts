import { expect, test } from 'vitest'
import type { Qmp } from '../../lib/qmp/qmp.ts'
import { createSimulatedClock } from '../simulated/clock.ts'
import { defaultQemuLimits } from './qemu-context.ts'
import { bringToRun } from './run-state.ts'

/** A QEMU whose migration stands like this; once it is over, the guest is continued by `cont`. */
function qemu(
  next: (status: string, command: string, fields?: Readonly<Record<string, unknown>>) => string,
  begun: string,
) {
  const commands: string[] = []
  let status = begun
  let runState = 'finish-migrate'
  const qmp: Qmp = {
    version: '7.2.17',
    closed: new Promise(() => {}),
    async execute(command, fields) {
      commands.push(command)
      status = next(status, command, fields)
      if (command === 'query-migrate') return { status }
      if (command === 'query-status') return { status: runState }
      if (command === 'cont') runState = 'running'
      return {}
    },
    onEvent: () => () => {},
    close: () => {},
  }
  return { qmp, commands, runState: () => runState }
}

async function brought({ qmp, commands, runState }: ReturnType<typeof qemu>) {
  const clock = createSimulatedClock()
  const running = bringToRun({ clock, limits: defaultQemuLimits }, 'vm', qmp)
  await clock.advance(1_000)
  await running
  expect(runState()).toBe('running')
  expect(commands).not.toContain('migrate_cancel')
}

// As it has been seen: it waits to be told to continue.
test('a guest whose migration was cancelled just when QEMU 7.2 stopped it runs on', () =>
  brought(
    qemu((status, command, fields) => {
      const isWoken = command === 'migrate-continue' && fields?.state === 'cancelling'
      return isWoken ? 'cancelled' : status
    }, 'cancelling'),
  ))

test.each(['completed', 'failed'])(
  'a QEMU that lets go of its disks is not cancelled: %s',
  (end) => {
    let asked = 0
    return brought(
      qemu((status, command) => {
        if (command === 'query-migrate') asked += 1
        return asked > 3 ? end : status
      }, 'device'),
    )
  },
)
