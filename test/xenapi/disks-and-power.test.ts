import { beforeAll, describe, expect, it } from 'vitest'
import { ended, failure, openXenApiScene } from '../support/xenapi-scene.ts'

const { hosts, source, vm } = await openXenApiScene()

describe('disks', () => {
  /** The face looks at SRs now and then: nobody tells it of new ones. */
  async function newSr(name: string): Promise<string> {
    const find = () => source.call('SR.get_by_name_label', name)
    await expect.poll(find, { timeout: 20_000 }).toHaveLength(1)
    return (await find())[0]
  }

  it('move to another SR of their host while their VM runs, and stay themselves', async () => {
    const { manager } = hosts.source.storage
    const { id } = await manager.createSr({ name: 'fast', type: 'simulated', configuration: {} })
    const [vbd] = await source.call('VM.get_VBDs', vm)
    const vdi = await source.call('VBD.get_VDI', vbd)
    const there = await newSr('fast')
    const here = await source.call('VDI.get_SR', vdi)
    expect(await source.call('VDI.pool_migrate', vdi, there, {})).toBe(vdi)
    expect(await source.call('VDI.get_SR', vdi)).toBe(there)
    expect(await source.call('VBD.get_VDI', vbd)).toBe(vdi)

    const task = await source.call('Async.VDI.pool_migrate', vdi, here, {})
    expect(await ended(source, task)).toMatchObject({
      ...{ status: 'success', result: `<value>${vdi}</value>`, error_info: [] },
      name_label: 'Async.VDI.pool_migrate',
    })
    expect(await source.call('VDI.get_SR', vdi)).toBe(here)
    await manager.forgetSr(id)
  })

  it('that are not there, or have nowhere to go, are refused', async () => {
    const [vbd] = await source.call('VM.get_VBDs', vm)
    const vdi = await source.call('VBD.get_VDI', vbd)
    await expect(source.call('VDI.pool_migrate', 'no', vdi, {})).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'VDI', 'no'),
    )
    await expect(source.call('VDI.pool_migrate', vdi, 'no', {})).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'SR', 'no'),
    )
    const { manager } = hosts.source.storage
    const small = { name: 'small', type: 'simulated', configuration: { sizeBytes: 1024 * 1024 } }
    const { id } = await manager.createSr(small)
    const sr = await newSr('small')
    await expect(source.call('VDI.pool_migrate', vdi, sr, {})).rejects.toMatchObject({
      code: 'SR_FULL',
    })
    expect(await source.call('SR.get_VDIs', sr)).toEqual([])
    await manager.forgetSr(id)
  })
})

describe('power', () => {
  const powerState = (ref: string) => source.call('VM.get_power_state', ref)
  const bad = (ref: string, needed: string, found: string) =>
    failure('VM_BAD_POWER_STATE', ref, needed, found)
  let made: string

  beforeAll(async () => {
    const [sr] = await hosts.source.storage.manager.listSrs()
    const vdi = await hosts.source.storage.manager.createVdi({
      ...{ sr: sr?.id ?? '', name: 'short', sizeBytes: 1024 ** 2 },
    })
    const definition = {
      ...{ name: 'short', memoryBytes: 1024 ** 2, boot: { disk: true } },
      ...{ disks: [{ vdi: vdi.id }], interfaces: [{ network: 'alpha1-lan' }] },
    }
    const task = await source.call('Async.VM.start_new', JSON.stringify(definition))
    const { status, result } = await ended(source, task)
    expect(status).toBe('success')
    ;[made] = await source.call('VM.get_by_name_label', 'short')
    expect(result).toBe(`<value>${made}</value>`)
  })

  it('goes off and on again, the VM staying what it is', async () => {
    const { VBDs, VIFs, resident_on } = await source.call('VM.get_record', made)
    const { VDI } = await source.call('VBD.get_record', VBDs[0])
    expect(await source.call('VM.hard_shutdown', made)).toBe('')
    expect(await source.call('VM.get_record', made)).toMatchObject({
      ...{ power_state: 'Halted', resident_on: 'OpaqueRef:NULL', VBDs, VIFs },
      allowed_operations: ['start', 'start_on', 'destroy'],
    })
    expect(await source.call('VBD.get_record', VBDs[0])).toMatchObject({
      ...{ VDI, currently_attached: false },
    })
    expect(await source.call('host.get_resident_VMs', resident_on)).not.toContain(made)
    for (const call of ['VM.hard_shutdown', 'VM.clean_shutdown', 'VM.pause'])
      await expect(source.call(call, made)).rejects.toMatchObject(bad(made, 'running', 'halted'))
    await expect(
      source.call('VM.migrate', made, hosts.destination.secureUrl, {}, {}, {}),
    ).rejects.toMatchObject(bad(made, 'running', 'halted'))
    await expect(source.call('VM.start', made, true, false)).rejects.toMatchObject({
      code: 'NOT_IMPLEMENTED',
    })
    await expect(
      source.call('VM.start_on', made, 'OpaqueRef:1', false, false),
    ).rejects.toMatchObject({ code: 'OPERATION_NOT_ALLOWED' })
    await source.call('VM.start_on', made, resident_on, false, false)
    expect(await powerState(made)).toBe('Running')
    await expect(source.call('VM.start', made, false, false)).rejects.toMatchObject(
      bad(made, 'halted', 'running'),
    )
  })

  it('waits for a guest that is asked to shut down', async () => {
    const task = await source.call('Async.VM.clean_shutdown', made)
    expect(await ended(source, task)).toMatchObject({ status: 'success' })
    expect(await powerState(made)).toBe('Halted')
    await source.call('VM.start', made, false, false)
    await source.call('VM.shutdown', made)
    expect(await powerState(made)).toBe('Halted')
    await source.call('VM.start', made, false, false)
  })

  it('is cut where the guest cannot be asked', async () => {
    await source.call('VM.pause', made)
    await source.call('VM.shutdown', made)
    expect(await powerState(made)).toBe('Halted')
    await source.call('VM.start', made, false, false)
  })

  it('has its buttons: pause, unpause and both reboots', async () => {
    await source.call('VM.pause', made)
    expect(await source.call('VM.get_record', made)).toMatchObject({
      ...{ power_state: 'Paused' },
      allowed_operations: ['unpause', 'shutdown', 'hard_shutdown', 'hard_reboot'],
    })
    await expect(source.call('VM.pause', made)).rejects.toMatchObject(
      bad(made, 'running', 'paused'),
    )
    await source.call('VM.hard_reboot', made)
    expect(await powerState(made)).toBe('Running')
    await source.call('VM.pause', made)
    await source.call('VM.unpause', made)
    await source.call('VM.clean_reboot', made)
    expect(await powerState(made)).toBe('Running')
  })

  it('off, a VM can be forgotten', async () => {
    await expect(source.call('VM.destroy', made)).rejects.toMatchObject(
      bad(made, 'halted', 'running'),
    )
    await source.call('VM.hard_shutdown', made)
    await source.call('VM.destroy', made)
    expect(await source.call('VM.get_by_name_label', 'short')).toEqual([])
  })
})
