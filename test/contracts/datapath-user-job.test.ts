import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addExport, cutExport } from '../../src/drivers/datapath-user/block-commands.ts'
import { nodes } from '../../src/drivers/datapath-user/block-nodes.ts'
import {
  addTarget,
  endJob,
  findJob,
  isForced,
  startMirror,
} from '../../src/drivers/datapath-user/mirror-job.ts'
import { connectNbd, type NbdClient } from '../../src/drivers/datapath-user/nbd-client.ts'
import { type Parts, usualTiming } from '../../src/drivers/datapath-user/parts.ts'
import {
  type StorageDaemon,
  startStorageDaemon,
} from '../../src/drivers/datapath-user/storage-daemon.ts'
import { systemClock as clock } from '../../src/drivers/system/clock.ts'
import { systemCommandRunner as commandRunner } from '../../src/drivers/system/command-runner.ts'
import { createKeyedLock } from '../../src/lib/keyed-lock.ts'
import { MiB } from '../../src/lib/units.ts'
import { silentLog as log } from '../../src/ports/log.ts'

/** The job of QEMU that mirrors, between two storage daemons with nothing around them. */
const endMs = 10_000
const piece = Buffer.alloc(4096, 'x')

let folder: string
let source: StorageDaemon
let target: StorageDaemon
let guest: NbdClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cp-job-'))
  const parts: Parts = {
    ...{ commandRunner, clock, log, runtimeDirectory: folder, address: '127.0.0.1' },
    ...{ ports: { from: 0, to: 0 }, timing: usualTiming, lock: createKeyedLock() },
    closing: new AbortController().signal,
  }
  const start = async (name: string, node: string, exported: string) => {
    const daemon = await startStorageDaemon(parts, join(folder, name))
    const path = join(folder, `${name}.nbd`)
    await daemon.qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path } } })
    const disk = { driver: 'null-co', 'node-name': node, size: 8 * MiB }
    await daemon.qmp.execute('blockdev-add', disk)
    await addExport(daemon.qmp, exported, node)
    return daemon
  }
  source = await start('source', nodes.vm, nodes.vm)
  target = await start('target', 'data', 'data')
  guest = await connectNbd(join(folder, 'source.nbd'), nodes.vm)
  await addTarget(source.qmp, join(folder, 'target.nbd'))
  await startMirror(source.qmp, 'none')
  await guest.write(0, piece)
})

afterEach(async () => {
  guest.close()
  await Promise.all([source.kill(), target.kill()])
  await rm(folder, { recursive: true, force: true })
})

async function loseTarget(): Promise<void> {
  await target.kill()
  await guest.write(MiB, piece)
}

it('ends when it is told to, both sides being the same', async () => {
  await cutExport(source.qmp, clock, nodes.vm)
  expect(await endJob(source.qmp, clock, endMs, false)).toMatchObject({
    ...{ kind: 'mirror', hasEnded: true, error: null },
  })
})

it('stands still after an error, and does not end while the VM goes on to write', async () => {
  await loseTarget()
  for (let write = 0; write < 50; write += 1) await guest.write(write * piece.length, piece)
  const job = await findJob(source.qmp)
  expect(job).toMatchObject({ kind: 'mirror', hasEnded: false, isReady: false })
  expect(job?.error).toMatch(/could not be/)
  await cutExport(source.qmp, clock, nodes.vm)
  const ended = await endJob(source.qmp, clock, endMs, true)
  expect(ended?.hasEnded).toBe(true)
  expect(isForced(ended?.error ?? '')).toBe(true)
})

it('has failed when it is told to end and cannot reach the target', async () => {
  await loseTarget()
  await cutExport(source.qmp, clock, nodes.vm)
  const ended = await endJob(source.qmp, clock, endMs, false)
  expect(ended).toMatchObject({ kind: 'mirror', hasEnded: true })
  expect(ended?.error).toMatch(/could not be/)
})
