import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { commandLineOf } from '../../../src/drivers/hypervisor-qemu/command-line.ts'
import { defaultCpu } from '../../../src/drivers/hypervisor-qemu/cpu-models.ts'
import { setCapabilities } from '../../../src/drivers/hypervisor-qemu/migration-events.ts'
import { parseQemuVm } from '../../../src/drivers/hypervisor-qemu/qemu-vm.ts'
import { vmFolder } from '../../../src/drivers/hypervisor-qemu/vm-folder.ts'
import { connectQmp, type Qmp } from '../../../src/lib/qmp/qmp.ts'
import { freePorts } from '../../lab/support/free-ports.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import { networkName } from '../../playground/playground-host.ts'
import type { Contender, Mark, Moved } from '../contender.ts'
import { fillTemplate } from '../template-disk.ts'
import { makeImage, type Side, TwoSides } from './two-sides.ts'

const answerMs = 30_000
const untilMs = 300_000
const diskNode = 'disk-vda'

/** What a person does with two QEMUs and their monitors: drive-mirror over NBD, then migrate. */
export async function openPlainQemu(log: (line: string) => void): Promise<Contender> {
  const sides = await TwoSides.open(log)
  const id = randomUUID()
  let [sizeBytes, running]: [number, Qmp | null] = [0, null]

  async function launch(side: Side, isIncoming: boolean): Promise<Qmp> {
    const folder = vmFolder(side.directory, id)
    await rm(folder.path, { recursive: true, force: true })
    await mkdir(folder.path)
    await execa('qemu-system-x86_64', argumentsOf(sides, side, id, isIncoming))
    return await connectQmp(folder.monitor, answerMs)
  }

  return {
    name: 'plain-qemu',
    async start(disk) {
      sides.forgetGuest()
      sizeBytes = disk.sizeBytes
      await makeImage(sides.source.image, sizeBytes)
      await fillTemplate(sides.source.image, disk)
      const startedMs = Date.now()
      running = await launch(sides.source, false)
      await running.execute('cont')
      await sides.untilWriting(startedMs)
    },
    async move() {
      if (!running) throw new Error('no guest')
      const beganMs = nowMs()
      await makeImage(sides.destination.image, sizeBytes)
      const there = await launch(sides.destination, true)
      const moved = await moveByHand(running, there, beganMs)
      await running.execute('quit').catch(() => {})
      await running.closed
      running = there
      await sides.swap()
      return moved
    },
    observations: async (sinceMs) => sides.guest.observations(sinceMs),
    async end() {
      await running?.execute('quit').catch(() => {})
      await running?.closed
      return await sides.judge()
    },
    async close() {
      running?.close()
      await sides.close()
    },
  }
}

async function moveByHand(here: Qmp, there: Qmp, beganMs: number): Promise<Moved> {
  const [nbdPort = 0, memoryPort = 0] = await freePorts(2)
  const marks: Mark[] = [{ name: 'launch', atMs: beganMs }]
  const mark = (name: string) => marks.push({ name, atMs: nowMs() })
  const server = { type: 'inet', host: '127.0.0.1', port: String(nbdPort) }
  const capabilities = { events: true, 'pause-before-switchover': true }
  await setCapabilities(here, capabilities)
  await setCapabilities(there, { events: true })
  await there.execute('nbd-server-start', {
    addr: { type: 'inet', data: { host: '127.0.0.1', port: String(nbdPort) } },
  })
  const offered = { type: 'nbd', id: 'disk', 'node-name': diskNode, name: 'disk', writable: true }
  await there.execute('block-export-add', offered)
  mark('copy')
  await here.execute('blockdev-add', {
    ...{ driver: 'nbd', 'node-name': 'target', export: 'disk', server, discard: 'unmap' },
    'detect-zeroes': 'unmap',
  })
  const ready = event(here, 'BLOCK_JOB_READY')
  const job = { 'job-id': 'mirror', device: diskNode, target: 'target', sync: 'full' }
  await here.execute('blockdev-mirror', job)
  await ready
  mark('memory')

  await there.execute('migrate-incoming', { uri: `tcp:127.0.0.1:${memoryPort}` })
  await here.execute('migrate-set-parameters', { 'max-bandwidth': Number.MAX_SAFE_INTEGER })
  const paused = migrationState(here, 'pre-switchover')
  const arrived = migrationState(there, 'completed')
  await here.execute('migrate', { uri: `tcp:127.0.0.1:${memoryPort}` })
  await paused
  mark('take the mirror out')
  const ended = event(here, 'BLOCK_JOB_COMPLETED')
  await here.execute('block-job-cancel', { device: 'mirror' })
  await ended
  await here.execute('blockdev-del', { 'node-name': 'target' })
  mark('device state')
  await here.execute('migrate-continue', { state: 'pre-switchover' })
  await arrived
  mark('end the export')
  await there.execute('block-export-del', { id: 'disk', mode: 'hard' })
  await there.execute('nbd-server-stop')
  mark('run')
  await there.execute('cont')
  mark('after')
  const at = (name: string) => marks.find((found) => found.name === name)?.atMs ?? 0
  return {
    ...{ beganMs, endedMs: nowMs(), marks },
    sync: { beganMs: at('copy'), endedMs: at('memory') },
    handoverMs: at('device state') - at('take the mirror out') + at('run') - at('end the export'),
  }
}

async function event(qmp: Qmp, wanted: string, state?: string): Promise<void> {
  let isSeen = false
  const stop = qmp.onEvent(({ name, data }) => {
    if (name === wanted && (state === undefined || data.status === state)) isSeen = true
  })
  const description = `${wanted} ${state ?? ''}`
  await waitUntil(() => isSeen, { description, timeoutMs: untilMs, intervalMs: 1 }).finally(stop)
}

const migrationState = (qmp: Qmp, state: string) => event(qmp, 'MIGRATION', state)

/** The same hardware that Crosspool's driver builds, with the image itself as the disk. */
function argumentsOf(
  { guest }: TwoSides,
  side: Side,
  id: string,
  isIncoming: boolean,
): readonly string[] {
  const { name, vcpus, memoryBytes, boot, interfaces } = guest.description(['vdi'])
  const vm = parseQemuVm({
    ...{ id, name, vcpus, memoryBytes, accelerator: 'tcg' },
    disks: [{ slot: 'vda', device: '/dev/disk', readOnly: false }],
    interfaces: interfaces.map((nic) => ({ ...nic, slot: '0' })),
    details: { machine: 'pc-q35-7.2', cpu: defaultCpu, boot, networkTypes: { 0: 'socket' } },
  })
  const words = commandLineOf(vm, {
    folder: vmFolder(side.directory, id),
    networks: { [networkName]: { type: 'socket', path: side.network } },
    kernel: boot,
    ...{ isIncoming, platform: process.platform },
  })
  const file = { driver: 'file', filename: join(side.image), discard: 'unmap' }
  const node = { driver: 'raw', 'node-name': diskNode, discard: 'unmap', file }
  return words.map((word, index) =>
    words[index - 1] === '-blockdev' ? JSON.stringify(node) : word,
  )
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
