import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../ports/clock.ts'
import { untilConnected } from './backends.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crosspool-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** What Linux 6.1 shows of a domain with a disk, an interface and a console. */
async function show(domid: number, number: string, states: { vbd: string; vif: string }) {
  await backend(`vbd-${domid}-51712`, { state: states.vbd, physical_device: number })
  await backend(`vif-${domid}-0`, { state: states.vif })
  await backend(`console-${domid}-0`, { state: 'Initialising' })
}

async function backend(name: string, files: Readonly<Record<string, string>>) {
  await mkdir(join(directory, name), { recursive: true })
  for (const [file, text] of Object.entries(files))
    await writeFile(join(directory, name, file), `${text}\n`)
}

async function waited(number: string, connect: (nowMs: number) => Promise<void>): Promise<number> {
  let nowMs = 0
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms) {
      nowMs += ms
      await connect(nowMs)
    },
  }
  const view = { directory, numberOf: async () => number }
  await untilConnected(clock, [{ device: '/dev/mapper/x' }], view)
  return nowMs
}

test('waits for the disk and the interface of the guest on this device, and for no others', async () => {
  const connected = { vbd: 'Connected', vif: 'Connected' }
  await show(6, 'fd:4', { vbd: 'Initialising', vif: 'Initialising' })
  await show(7, 'fd:5', { vbd: 'Connected', vif: 'Initialised' })
  const connect = async (nowMs: number) => {
    if (nowMs >= 400) await show(7, 'fd:5', connected)
  }
  expect(await waited('fd:5', connect)).toBe(400)
  expect(await waited('fd:5', async () => {})).toBe(0)
})

test('does not wait for long for a guest without drivers', async () => {
  await show(7, 'fd:5', { vbd: 'InitWait', vif: 'InitWait' })
  expect(await waited('fd:5', async () => {})).toBe(10_000)
})

test('does not wait where nothing serves the device', async () => {
  await show(7, 'fd:5', { vbd: 'InitWait', vif: 'InitWait' })
  expect(await waited('fd:9', async () => {})).toBe(0)
  directory = join(directory, 'none')
  expect(await waited('fd:5', async () => {})).toBe(0)
})
