import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectedStreams } from '../../../test/support/connected-streams.ts'
import { hasQemu, type QemuHosts, qemuHosts } from '../../../test/support/qemu-hosts.ts'
import { slowStreams } from '../../../test/support/slow-streams.ts'
import { connectQmp } from '../../lib/qmp/qmp.ts'
import { followMigration, setCapabilities } from './migration-events.ts'
import { bootDisk } from './prove-kvm.ts'
import type { QemuHypervisor } from './qemu-hypervisor.ts'
import { vmFolder } from './vm-folder.ts'

/** Real QEMUs: what happens to a guest, its memory and its disk while it is handed over. */
describe.skipIf(!hasQemu)('a guest that counts, in memory and on disk', () => {
  let hosts: QemuHosts
  let vm: string

  beforeEach(async () => {
    hosts = await qemuHosts()
    const guest = hosts.guest()
    vm = guest.id
    await hosts.source.start(guest)
    await untilGrown(0)
  })

  afterEach(() => hosts.dispose())

  async function count(): Promise<number> {
    return (await readFile(hosts.image)).readUInt32LE(512)
  }

  /** The guest writes some eighteen times a second. */
  async function untilGrown(before: number): Promise<number> {
    await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(before)
    return count()
  }

  async function begin(signal = new AbortController().signal, streams = connectedStreams()) {
    const configuration = await hosts.source.configuration(vm)
    const incoming = await hosts.destination.receive(configuration, streams.destination)
    const outgoing = await hosts.source.send(vm, streams.source, { signal, onProgress: () => {} })
    outgoing.paused.catch(() => {})
    incoming.ready.catch(() => {})
    return { outgoing, incoming }
  }

  async function beginUntilReady() {
    const migration = await begin()
    await Promise.all([migration.outgoing.paused, migration.incoming.ready])
    return migration
  }

  const stateAt = async (host: QemuHypervisor) => (await host.list())[0]?.state
  const folderAt = (host: string) => vmFolder(join(hosts.folder, host, 'qemu'), vm)

  async function kill(host: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    process.kill(Number(await readFile(folderAt(host).pid, 'utf8')), signal)
  }

  test('goes on counting from where it stood, elsewhere', async () => {
    const { outgoing, incoming } = await beginUntilReady()
    const atPause = await count()
    expect(await stateAt(hosts.source)).toBe('suspended')
    await setTimeout(300)
    expect(await count()).toBe(atPause)
    await incoming.start()
    await outgoing.forget()
    await untilGrown(atPause + 1)
  })

  test('its disk may go away after the pause: the source runs on when it is back', async () => {
    const { outgoing, incoming } = await beginUntilReady()
    const atPause = await count()
    await hosts.disk.stop()
    await incoming.discard()
    await outgoing.resume()
    await setTimeout(300)
    expect(await count()).toBe(atPause)
    await hosts.disk.start()
    await untilGrown(atPause + 1)
  })

  test('its disk may go away after the pause: the destination runs when it is back', async () => {
    const { outgoing, incoming } = await beginUntilReady()
    const atPause = await count()
    await hosts.disk.stop()
    await incoming.start()
    await outgoing.forget()
    await setTimeout(300)
    expect(await count()).toBe(atPause)
    await hosts.disk.start()
    await untilGrown(atPause + 1)
  })

  test.each([
    ['goes across and runs when it is back', 'destination'],
    ['runs on when it is back, should the memory not go across', 'source'],
  ] as const)('its disk may go away as soon as it is stopped: it %s', async (_, ending) => {
    const { outgoing, incoming } = await begin(undefined, slowStreams(500_000))
    await outgoing.stopped
    await hosts.disk.stop()
    const atPause = await count()
    if (ending === 'source') {
      await kill('destination')
      await expect(outgoing.paused).rejects.toMatchObject({ code: 'MEMORY_STREAM_FAILED' })
      await outgoing.resume()
    } else {
      await Promise.all([outgoing.paused, incoming.ready])
      await incoming.start()
      await outgoing.forget()
    }
    await setTimeout(300)
    expect(await count()).toBe(atPause)
    await hosts.disk.start()
    await untilGrown(atPause + 1)
  })

  test('is taken back in the moment in which QEMU lets go of its disks, again and again', async () => {
    for (let time = 0; time < 30; time += 1) {
      const { outgoing, incoming } = await begin()
      await outgoing.stopped
      await outgoing.resume()
      await incoming.discard()
      expect(await stateAt(hosts.source)).toBe('running')
    }
    await untilGrown(await count())
  })

  test('is stopped by a disk that fails, shows as paused, and goes on with a good one', async () => {
    await hosts.disk.stop()
    await hosts.disk.start('write')
    await expect.poll(() => stateAt(hosts.source), { timeout: 20_000 }).toBe('paused')
    await hosts.disk.stop()
    await hosts.disk.start()
    const before = await count()
    await hosts.source.resume(vm)
    await untilGrown(before + 1)
    expect(await stateAt(hosts.source)).toBe('running')
  })

  test('is found again by a daemon that was restarted at the pause, and runs on', async () => {
    await beginUntilReady()
    hosts.source.close()
    const restarted = hosts.driverOf('source')
    expect(await stateAt(restarted)).toBe('suspended')
    const before = await count()
    await restarted.resume(vm)
    await restarted.resume(vm)
    await untilGrown(before)
    expect(await stateAt(restarted)).toBe('running')
  })

  test('runs on when its daemon died just before the pause', async () => {
    hosts.source.close()
    const qmp = await connectQmp(folderAt('source').monitor, 5_000)
    const sink = createServer((socket) => socket.resume()).listen(join(hosts.folder, 'sink'))
    const events = followMigration(qmp)
    await setCapabilities(qmp, { events: true, 'pause-before-switchover': true })
    await qmp.execute('migrate', { uri: `unix:${join(hosts.folder, 'sink')}` })
    while ((await events.next()) !== 'pre-switchover');
    qmp.close()
    const restarted = hosts.driverOf('source')
    expect(await stateAt(restarted)).toBe('suspended')
    await restarted.resume(vm)
    expect(await stateAt(restarted)).toBe('running')
    await untilGrown(await count())
    sink.close()
  })

  test('can be run by a daemon that was restarted after it had been received', async () => {
    const { outgoing } = await beginUntilReady()
    hosts.destination.close()
    const restarted = hosts.driverOf('destination')
    expect(await restarted.list()).toEqual([])
    await restarted.resume(vm)
    await outgoing.forget()
    expect(await stateAt(restarted)).toBe('running')
    await untilGrown(await count())
  })

  test('is refused, now and later, when its copy has died before it ran', async () => {
    const { outgoing, incoming } = await beginUntilReady()
    await kill('destination')
    await expect(incoming.start()).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
    expect(await hosts.destination.list()).toEqual([])
    hosts.destination.close()
    const restarted = hosts.driverOf('destination')
    await expect(restarted.resume(vm)).rejects.toMatchObject({ code: 'HANDOVER_REFUSED' })
    await restarted.destroy(vm)
    await expect(restarted.resume(vm)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await outgoing.resume()
    await untilGrown(await count())
  })

  test('is not refused when its copy died after it was told to run', async () => {
    const { incoming } = await beginUntilReady()
    const folder = folderAt('destination')
    await writeFile(folder.incoming, 'told')
    await kill('destination')
    await expect(incoming.start()).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
  })

  test('tells why its copy could not be built', async () => {
    const streams = connectedStreams()
    const configuration = await hosts.source.configuration(vm)
    const incoming = await hosts.destination.receive(configuration, streams.destination)
    streams.source.write('this is no memory of a VM')
    await expect(incoming.ready).rejects.toMatchObject({
      code: 'MEMORY_STREAM_FAILED',
      message: expect.stringContaining('Not a migration stream'),
    })
    expect(await hosts.destination.list()).toEqual([])
  })

  test('a stream on which nothing moves is given up at the destination', async () => {
    const impatient = hosts.driverOf('destination', { idleMs: 200 })
    const configuration = await hosts.source.configuration(vm)
    const incoming = await impatient.receive(configuration, connectedStreams().destination)
    await expect(incoming.ready).rejects.toThrow('nothing moved for 200 ms')
  })

  test.each(['source', 'destination'] as const)(
    'both sides say so when the QEMU of the %s dies while memory moves',
    async (dying) => {
      const streams = slowStreams(500_000)
      const configuration = await hosts.source.configuration(vm)
      const incoming = await hosts.destination.receive(configuration, streams.destination)
      const signal = new AbortController().signal
      let isMoving = false
      const onProgress = () => {
        isMoving = true
      }
      const outgoing = await hosts.source.send(vm, streams.source, { signal, onProgress })
      outgoing.paused.catch(() => {})
      incoming.ready.catch(() => {})
      await expect.poll(() => isMoving, { interval: 5, timeout: 10_000 }).toBe(true)
      await expect
        .poll(() => existsSync(folderAt('destination').memory), { interval: 5, timeout: 10_000 })
        .toBe(true)
      await kill(dying)
      const failed = { code: 'MEMORY_STREAM_FAILED' }
      await expect(outgoing.paused).rejects.toMatchObject(failed)
      await expect(incoming.ready).rejects.toMatchObject(failed)
      expect(await hosts.destination.list()).toEqual([])
      expect(await stateAt(hosts.source)).toBe(dying === 'source' ? undefined : 'running')
    },
  )

  test('is listed when its QEMU does not answer, and can be destroyed', async () => {
    hosts.source.close()
    const impatient = hosts.driverOf('source', { answerMs: 1_000 })
    expect(await stateAt(impatient)).toBe('running')
    await kill('source', 'SIGSTOP')
    expect(await impatient.list()).toMatchObject([
      { state: 'paused', obstacles: ['its QEMU does not answer'] },
    ])
    await impatient.destroy(vm)
    expect(await impatient.list()).toEqual([])
  })

  test('is not sent twice at once', async () => {
    const { source } = connectedStreams()
    const options = { signal: new AbortController().signal, onProgress: () => {} }
    const first = await hosts.source.send(vm, source, options)
    const second = hosts.source.send(vm, source, options)
    await expect(second).rejects.toMatchObject({ code: 'BUSY' })
    await first.resume()
    expect(await stateAt(hosts.source)).toBe('running')
  })

  test('has gone from the list when its QEMU has ended, and who watches is told', async () => {
    let changes = 0
    const stop = hosts.source.watch(() => {
      changes += 1
    })
    const people = connect(folderAt('source').peopleMonitor)
    people.write('quit\n')
    await expect.poll(() => changes).toBeGreaterThan(0)
    await expect.poll(() => hosts.source.list()).toEqual([])
    stop()
  })

  test('has gone from the list when it has switched itself off', async () => {
    // mov dx,0x604; mov ax,0x2000; out dx,ax; hlt: what ACPI does to switch a PC off.
    const code = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4]
    await hosts.source.destroy(vm)
    await writeFile(hosts.image, bootDisk(code))
    await hosts.source.start(hosts.guest())
    await expect.poll(() => hosts.source.list(), { timeout: 20_000 }).toEqual([])
  })
})
