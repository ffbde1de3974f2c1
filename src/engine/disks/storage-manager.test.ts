import { expect, it } from 'vitest'
import { createSimulatedStorage } from '../../drivers/simulated/storage-manager.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { Log } from '../../ports/log.ts'

const sizeBytes = 1024 * 1024
const broken = () => new CrosspoolError('INTERNAL', { reference: 'test' })

async function pair(log?: Log) {
  const storage = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  const options = log ? { log } : {}
  const source = await storage.addHost('alpha1', options)
  const target = await storage.addHost('beta1', options)
  const srs = { source: await firstSr(source), target: await firstSr(target) }
  return { storage, source, target, srs }
}

async function firstSr(
  host: Awaited<ReturnType<ReturnType<typeof createSimulatedStorage>['addHost']>>,
) {
  return (await host.manager.listSrs())[0]?.id ?? ''
}

async function offered(the: Awaited<ReturnType<typeof pair>>) {
  const create = { name: 'disk', sizeBytes }
  const from = await the.source.manager.createVdi({ ...create, sr: the.srs.source })
  const to = await the.target.manager.createVdi({ ...create, sr: the.srs.target })
  return { from, to, ...(await the.target.manager.getReplicationTarget(to.id)) }
}

it('leaves an SR that is broken in the list, and its neighbours usable', async () => {
  const { source, srs } = await pair()
  await source.manager.createSr({ name: 'other', type: 'simulated', configuration: {} })
  source.faults.failNext('volume-store.capacity', broken())
  const listed = await source.manager.listSrs()
  expect(listed.map(({ sizeBytes: all }) => all > 0)).toContain(false)
  expect(listed.map(({ sizeBytes: all }) => all > 0)).toContain(true)
  source.faults.failNext('volume-store.list', broken())
  await expect(source.manager.listVdis({ sr: srs.source })).rejects.toThrow()
})

it('forgets an SR only while nobody uses its VDIs, and keeps its volumes', async () => {
  const { source, srs } = await pair()
  const { manager } = source
  const { id } = await manager.createVdi({ sr: srs.source, name: 'disk', sizeBytes })
  await manager.attach(id)
  await expect(manager.forgetSr(srs.source)).rejects.toMatchObject({ code: 'BUSY' })
  await manager.detach(id)
  await manager.forgetSr(srs.source)
  await expect(manager.getVdi(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const again = { id: srs.source, name: 'again', type: 'simulated', configuration: {} }
  await manager.createSr(again)
  expect(await manager.getVdi(id)).toMatchObject({ managed: true, name: 'disk' })
})

it('adopts the device of a VM that was started without us, and gives it back', async () => {
  const { storage, source, srs } = await pair()
  const { manager } = source
  storage.world.addVolume(srs.source, { id: 'theirs', sizeBytes })
  const path = `/dev/${srs.source}/theirs`
  const [vdi] = await manager.listVdis({ device: path })
  expect(vdi).toMatchObject({ id: 'theirs', managed: false, state: 'detached' })
  expect(await manager.adopt('theirs', path)).toMatchObject({ state: 'adopted', device: path })
  await manager.adopt('theirs', path)
  await source.write(path, 1, 'written by the VM')
  await expect(manager.destroyVdi('theirs')).rejects.toMatchObject({ code: 'WRONG_STATE' })
  await expect(manager.attach('theirs')).rejects.toMatchObject({ code: 'WRONG_STATE' })
  expect(await manager.disown('theirs')).toMatchObject({ state: 'detached', device: null })
  expect(await source.store.list('vdi/')).toEqual([])
  await expect(manager.destroyVdi('theirs')).rejects.toMatchObject({ code: 'WRONG_STATE' })
})

it('adopts no device that is another one or cannot be exchanged beneath', async () => {
  const { storage, source, srs } = await pair()
  const { manager } = source
  storage.world.addVolume(srs.source, { id: 'theirs', sizeBytes })
  await expect(manager.adopt('theirs', '/dev/sda')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  const configuration = { adoptable: false, array: 'files' }
  await manager.createSr({ name: 'files', type: 'simulated', configuration })
  storage.world.addVolume('files', { id: 'image', sizeBytes })
  await expect(manager.adopt('image', '/dev/files/image')).rejects.toMatchObject({
    code: 'DISK_NOT_MAPPED',
  })
  expect(await source.store.list('vdi/')).toEqual([])
})

it.each(['datapath.prepare', 'peers.join', 'datapath.start'])(
  'takes everything back on the source when %s fails',
  async (act) => {
    const the = await pair()
    const { from, uri, replication } = await offered(the)
    the.source.faults.failNext(act, broken())
    await expect(the.source.manager.replicateTo(from.id, uri)).rejects.toMatchObject({
      code: 'INTERNAL',
    })
    expect(await the.source.manager.getVdi(from.id)).toMatchObject({
      state: 'detached',
      replication: null,
    })
    expect(the.source.kernel.devices.size + the.source.kernel.attached.size).toBe(0)
    await expect(the.source.manager.getReplication(replication)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  },
)

it('takes an offer back that the datapath cannot make', async () => {
  const the = await pair()
  const { manager } = the.target
  const { id } = await manager.createVdi({ sr: the.srs.target, name: 'disk', sizeBytes })
  the.target.faults.failNext(
    'datapath.offer',
    new CrosspoolError('NO_FREE_MINOR', { from: 1, to: 2 }),
  )
  await expect(manager.getReplicationTarget(id)).rejects.toMatchObject({ code: 'NO_FREE_MINOR' })
  expect(await manager.getVdi(id)).toMatchObject({ state: 'detached', replication: null })
  expect(await manager.listReplications()).toEqual([])
})

it('uses a URI up even when the target cannot accept the source', async () => {
  const the = await pair()
  const { from, uri, replication } = await offered(the)
  the.target.faults.failNext('datapath.accept', broken())
  await expect(the.source.manager.replicateTo(from.id, uri)).rejects.toThrow()
  expect(await the.target.manager.getReplication(replication)).toMatchObject({ state: 'failed' })
  await expect(the.source.manager.replicateTo(from.id, uri)).rejects.toMatchObject({
    code: 'URI_REFUSED',
  })
})

it('mirrors a disk that no VM uses, and refuses a URI of its own', async () => {
  const the = await pair()
  const { from, to, uri } = await offered(the)
  await the.source.manager.replicateTo(from.id, uri)
  expect((await the.source.manager.getVdi(from.id)).state).toBe('activated')
  const { manager } = the.target
  const other = await manager.createVdi({ sr: the.srs.target, name: 'other', sizeBytes })
  const free = await manager.createVdi({ sr: the.srs.target, name: 'free', sizeBytes })
  const own = await manager.getReplicationTarget(free.id)
  await expect(manager.replicateTo(other.id, own.uri)).rejects.toMatchObject({
    code: 'URI_REFUSED',
  })
  await expect(manager.replicateTo(to.id, own.uri)).rejects.toMatchObject({ code: 'BUSY' })
})

it('counts a replication as failed after the host was started anew, and clears it away', async () => {
  const the = await pair()
  const { from, uri, replication } = await offered(the)
  await the.source.manager.replicateTo(from.id, uri)
  await the.source.reboot()
  const { manager } = the.source
  expect(await manager.getReplication(replication)).toMatchObject({
    state: 'failed',
    reason: 'the host was restarted',
  })
  expect(await manager.getVdi(from.id)).toMatchObject({ state: 'detached', device: null })
  await manager.attach(from.id)
  await manager.stopReplication(replication, 'volume')
  await manager.detach(from.id)
  await manager.destroyVdi(from.id)
  expect(await manager.leftovers()).toEqual([])
})

it('logs no secret, whatever fails', async () => {
  const lines: string[] = []
  const note = (fields: object, message: string) =>
    void lines.push(
      `${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? String(value.stack) : value))}`,
    )
  const the = await pair({ debug: note, info: note, warn: note, error: note })
  const { from, uri } = await offered(the)
  the.source.faults.failNext('datapath.start', broken())
  the.source.faults.failNext('datapath.close', broken())
  await expect(the.source.manager.replicateTo(from.id, uri)).rejects.toThrow()
  expect(lines.join('\n')).toContain('could not be taken back')
  expect(lines.join('\n')).not.toContain(new URL(uri).searchParams.get('secret'))
})

it('shows no secret in the error of a command that had it among its arguments', async () => {
  const the = await pair()
  const { from, uri } = await offered(the)
  const secret = new URL(uri).searchParams.get('secret') ?? ''
  const output = `invalid: --shared-secret=${secret} (${secret})`
  const failed = new CrosspoolError('COMMAND_FAILED', { command: 'drbdadm', how: '', output })
  the.target.faults.failNext('datapath.accept', failed)
  const replicating = the.source.manager.replicateTo(from.id, uri)
  const error = await replicating.catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'COMMAND_FAILED' })
  expect(JSON.stringify(error) + String(error)).not.toContain(secret)
})

it('refuses a release that would lose writes, and then nothing has changed', async () => {
  const the = await pair()
  const { from, uri, replication } = await offered(the)
  the.storage.world.holdSync(true)
  await the.source.manager.replicateTo(from.id, uri)
  const disks = [{ vdi: from.id, replication }]
  await expect(the.source.manager.releaseDisks(disks)).rejects.toMatchObject({
    code: 'REPLICATION_LOST',
  })
  const { device } = await the.source.manager.getVdi(from.id)
  await the.source.write(device ?? '', 1, 'runs on')
})

it('goes on with a copy where it was when the host of the target is started anew', async () => {
  const the = await pair()
  const { from, uri, replication } = await offered(the)
  the.storage.world.holdSync(true)
  await the.source.manager.replicateTo(from.id, uri)
  const { device } = await the.source.manager.getVdi(from.id)
  await the.target.reboot()
  expect(await the.target.manager.getReplication(replication)).toMatchObject({ state: 'syncing' })
  await the.source.write(device ?? '', 1, 'after the restart')
  the.storage.world.holdSync(false)
  await expect
    .poll(() => the.source.manager.getReplication(replication))
    .toMatchObject({ state: 'synced' })
})

it('ends a mirror whose handover was at hand when the host of the target is started anew', async () => {
  const the = await pair()
  const { from, to, uri, replication } = await offered(the)
  await the.source.manager.replicateTo(from.id, uri)
  await the.target.manager.attach(to.id)
  await the.target.manager.activate(to.id)
  await the.target.manager.armHandover([{ vdi: to.id, replication }])
  await the.target.reboot()
  expect(await the.target.manager.getReplication(replication)).toMatchObject({ state: 'failed' })
})

it('mirrors by the best scheme that both sides speak, and by none that one speaks no more', async () => {
  const storage = createSimulatedStorage({ clock: systemClock, random: systemRandom })
  const spoken = { source: ['clear', 'linked'], target: ['linked'] }
  const source = await storage.addHost('alpha1', { schemes: spoken.source })
  const target = await storage.addHost('beta1', { schemes: spoken.target })
  const srs = { source: await firstSr(source), target: await firstSr(target) }
  const { from, to } = await offered({ storage, source, target, srs })
  const offer = () => target.manager.getReplicationTarget(to.id, spoken.source)
  const first = await offer()
  expect(first.uri).toMatch(/^linked:/)
  expect((await source.manager.replicateTo(from.id, first.uri)).provider).toBe('linked')
  for (const { manager } of [source, target])
    await manager.stopReplication(first.replication, 'volume')

  spoken.target.unshift('clear')
  const { uri } = await offer()
  expect(uri).toMatch(/^clear:/)
  spoken.target.shift()
  await expect(source.manager.replicateTo(from.id, uri)).rejects.toMatchObject({
    code: 'URI_REFUSED',
  })
  spoken.source.shift()
  await expect(source.manager.replicateTo(from.id, uri)).rejects.toMatchObject({
    code: 'URI_INVALID',
  })
})
