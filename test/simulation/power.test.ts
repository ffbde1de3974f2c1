import { describe, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import type { VmCreate } from '../../src/model/vm.ts'
import { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts'

const settledMs = 100_000

/** Two hosts that watch for VMs that end, and a VM that the first one has started on a disk of its own. */
async function start(options: SimulatedClusterOptions = {}) {
  const cluster = new SimulatedCluster(options)
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  for (const { toolstack } of [one, two]) await toolstack.recover()
  const [sr] = await one.storage.listSrs()
  const vdi = await one.storage.createVdi({ sr: sr?.id ?? '', name: 'root', sizeBytes: 8 * MiB })
  const wanted: VmCreate = {
    ...{ name: 'database', vcpus: 1, memoryBytes: MiB, boot: { disk: true } },
    disks: [{ vdi: vdi.id, readOnly: false }],
    interfaces: [{ network: 'xenbr0' }],
  }
  const { id } = await one.toolstack.startVm(wanted)
  const stateOf = async (disk = vdi.id) => (await one.storage.getVdi(disk)).state
  return { cluster, one, two, vm: id, vdi: vdi.id, wanted, stateOf }
}

describe('a VM that was started here', () => {
  it('is halted after its end, and starts again as it was', async () => {
    const { cluster, one, vm, vdi, stateOf } = await start()
    const { toolstack } = one
    const before = await toolstack.getVm(vm)
    expect(before).toMatchObject({ state: 'running', disks: [{ slot: 'xvda', vdi }] })
    await toolstack.destroyVm('database')
    expect(cluster.vms.presentAt(vm)).toEqual([])
    expect(await stateOf()).toBe('detached')
    expect(await toolstack.getVm('database')).toMatchObject({
      ...{ id: vm, state: 'halted', interfaces: before.interfaces },
      disks: [{ slot: 'xvda', device: '', vdi }],
    })
    expect(await toolstack.startHaltedVm('database')).toEqual(before)
    expect(await stateOf()).toBe('activated')
  })

  it('has its disks put away when the guest shuts down, as it is asked to', async () => {
    const { cluster, one, vm, stateOf } = await start()
    await one.toolstack.shutdownVm(vm)
    await cluster.clock.advance(1)
    expect((await one.toolstack.getVm(vm)).state).toBe('halted')
    await cluster.clock.advance(6_000)
    expect(await stateOf()).toBe('detached')
  })

  it('has its disks put away when it ends by itself, but not while it may be rebooting', async () => {
    const { cluster, one, vm, stateOf } = await start()
    const vms = cluster.vms.host('one').vms
    const running = vms.get(vm)
    cluster.vms.remove('one', vm)
    await cluster.clock.advance(20_000)
    expect(await stateOf()).toBe('activated')
    if (running) cluster.vms.put('one', running)
    await cluster.clock.advance(settledMs)
    expect(await stateOf()).toBe('activated')
    cluster.vms.setState('one', vm, 'shutdown')
    await cluster.clock.advance(settledMs)
    expect(await stateOf()).toBe('detached')
    expect((await one.toolstack.getVm(vm)).state).toBe('halted')
  })

  it('has its disks put away after a restart of the daemon', async () => {
    const { cluster, one, vm, stateOf } = await start()
    one.toolstack.close()
    cluster.vms.remove('one', vm)
    await cluster.clock.advance(settledMs)
    expect(await stateOf()).toBe('activated')
    const fresh = await cluster.restartToolstack('one')
    await cluster.clock.advance(settledMs)
    expect(await stateOf()).toBe('detached')
    expect((await fresh.startHaltedVm(vm)).state).toBe('running')
  })

  it('leaves its disks to another VM that has been started on them since', async () => {
    const { cluster, one, vm, wanted, stateOf } = await start()
    cluster.vms.remove('one', vm)
    await one.toolstack.startVm({ ...wanted, name: 'other' })
    await cluster.clock.advance(settledMs)
    expect(await stateOf()).toBe('activated')
    await expect(one.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'BUSY' })
    await one.toolstack.destroyVm('other')
    expect(await stateOf()).toBe('detached')
    expect((await one.toolstack.startHaltedVm(vm)).state).toBe('running')
  })

  it('is forgotten when it is halted, and its disk stays', async () => {
    const { one, vm, stateOf } = await start()
    const wrong = { code: 'WRONG_STATE' }
    await expect(one.toolstack.forgetVm(vm)).rejects.toMatchObject(wrong)
    await expect(one.toolstack.startHaltedVm(vm)).rejects.toMatchObject(wrong)
    await one.toolstack.destroyVm(vm)
    await expect(one.toolstack.destroyVm(vm)).rejects.toMatchObject(wrong)
    await one.toolstack.forgetVm(vm)
    expect(await one.toolstack.listVms()).toEqual([])
    await expect(one.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await stateOf()).toBe('detached')
  })

  it('leaves nothing of a start that failed', async () => {
    const { one, wanted, vm, stateOf } = await start()
    await one.toolstack.destroyVm(vm)
    const tooBig = { ...wanted, name: 'big', memoryBytes: 1024 ** 5 }
    await expect(one.toolstack.startVm(tooBig)).rejects.toMatchObject({ code: 'MEMORY_SHORT' })
    expect(await stateOf()).toBe('detached')
    expect(await one.toolstack.listVms()).toMatchObject([{ id: vm, state: 'halted' }])
  })
})

describe('the buttons of a VM', () => {
  it('pause it, run it on and reboot it', async () => {
    const { cluster, one, vm } = await start()
    const { toolstack } = one
    expect((await toolstack.pauseVm(vm)).state).toBe('paused')
    await expect(toolstack.shutdownVm(vm)).rejects.toMatchObject({ code: 'WRONG_STATE' })
    expect((await toolstack.unpauseVm(vm)).state).toBe('running')
    const memory = cluster.vms.host('one').vms.get(vm)
    for (const how of ['clean', 'hard'] as const) {
      if (memory) memory.guestState = 'remembered'
      await toolstack.rebootVm(vm, how)
      expect(memory?.guestState).toBe('')
    }
  })

  it('do nothing to a VM that is being migrated, which is what it says', async () => {
    const { cluster, one, two, vm } = await start()
    cluster.disks.holdSync(true)
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const { id } = await cluster.until(one.toolstack.migrate(vm, request), 'the beginning')
    await cluster.clock.advance(2_000)
    const { toolstack } = one
    const presses = [
      () => toolstack.shutdownVm(vm),
      () => toolstack.rebootVm(vm, 'hard'),
      () => toolstack.pauseVm(vm),
      () => toolstack.unpauseVm(vm),
      () => toolstack.destroyVm(vm),
      () => toolstack.startHaltedVm(vm),
    ]
    for (const press of presses) await expect(press()).rejects.toMatchObject({ code: 'BUSY' })
    const double = two.toolstack.startVm({
      ...{ id: vm, name: 'double', vcpus: 1, memoryBytes: MiB, boot: { disk: true as const } },
      ...{ disks: [], interfaces: [] },
    })
    await expect(double).rejects.toMatchObject({ code: 'BUSY' })
    cluster.disks.holdSync(false)
    const ended = await cluster.until(toolstack.operations.wait(id), 'the migration')
    expect(ended.state).toBe('succeeded')
    expect(cluster.vms.violations).toEqual([])
  })
})

describe('a VM that moves', () => {
  it('takes what it can be started from along', async () => {
    const { cluster, one, two, vm } = await start()
    expect((await cluster.migrate(vm, 'one', 'two')).state).toBe('succeeded')
    expect(await one.toolstack.listVms()).toEqual([])
    await expect(one.toolstack.startHaltedVm(vm)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const [disk] = (await two.toolstack.getVm(vm)).disks
    expect(await two.storage.getVdi(disk?.vdi ?? '')).toMatchObject({ state: 'activated' })
    await two.toolstack.shutdownVm(vm)
    await cluster.clock.advance(6_000)
    expect(await two.storage.getVdi(disk?.vdi ?? '')).toMatchObject({ state: 'detached' })
    expect((await two.toolstack.startHaltedVm(vm)).state).toBe('running')
    const back = await cluster.migrate(vm, 'two', 'one', { srMap: { '*': 'local' } })
    expect(back.state).toBe('succeeded')
    expect(await two.toolstack.listVms()).toEqual([])
    expect((await one.toolstack.getVm(vm)).disks[0]?.vdi).not.toBe(disk?.vdi)
  })

  it('keeps it where it is when the migration fails', async () => {
    const { cluster, one, two, vm } = await start()
    cluster.vms.injectFault('two', { name: 'start-refused' })
    expect((await cluster.migrate(vm, 'one', 'two')).state).toBe('failed')
    await cluster.clock.advance(settledMs)
    expect(await two.toolstack.listVms()).toEqual([])
    await one.toolstack.destroyVm(vm)
    expect((await one.toolstack.startHaltedVm(vm)).state).toBe('running')
  })

  it('is refused when it does not run, and where it is known already', async () => {
    const { cluster, one, two, vm } = await start()
    const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
    const asked = await one.toolstack.receiveRequest(vm, request)
    await one.toolstack.destroyVm(vm)
    const wrong = { code: 'WRONG_STATE', details: { state: 'halted' } }
    await expect(one.toolstack.migrate(vm, request)).rejects.toMatchObject(wrong)
    await expect(one.toolstack.preflight('database', request)).rejects.toMatchObject(wrong)
    const there = await one.toolstack.receivers.preflight({ ...asked, epoch: 9 })
    expect(there.checks).toContainEqual(
      expect.objectContaining({ name: 'vm-absent', result: 'failed' }),
    )
    expect(cluster.vms.presentAt(vm)).toEqual([])
    if (!asked.definition) throw new Error('it has a definition')
    const definition = { ...asked.definition, name: 'another' }
    await expect(two.toolstack.receivers.receive({ ...asked, definition })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    })
    expect(await two.toolstack.receivers.list()).toEqual([])
  })

  it('may not start where it was released, by whatever definition', async () => {
    const { cluster, one, vm, wanted } = await start()
    expect((await cluster.migrate(vm, 'one', 'two')).state).toBe('succeeded')
    const again = one.toolstack.startVm({ ...wanted, id: vm, disks: [] })
    await expect(again).rejects.toMatchObject({
      ...{ code: 'WRONG_STATE', details: { needed: 'owned by this host' } },
    })
  })
})
