import { describe, expect, it } from 'vitest'
import { ended, failure, openXenApiScene, type XenApiSession } from '../support/xenapi-scene.ts'

const { hosts, source, destination, vm } = await openXenApiScene()

describe('migrations', () => {
  const letter = async (session: XenApiSession) => {
    const [host] = await session.call('host.get_all')
    const [network] = await session.call('network.get_all')
    return session.call('host.migrate_receive', host, network, {})
  }

  it('are checked before they begin', async () => {
    const dest = await letter(destination)
    const none = [{}, {}, {}]
    expect(await source.call('VM.assert_can_migrate', vm, dest, true, {}, await vifMap(), {})).toBe(
      '',
    )
    await expect(
      source.call('VM.assert_can_migrate', vm, dest, true, ...none),
    ).rejects.toMatchObject({
      code: 'VM_MIGRATE_FAILED',
      parameters: { 0: vm, 3: expect.stringContaining('network') },
    })
    const parameters = [vm, { host: 'x', xenops: 'http://h/' }, true, ...none]
    await expect(source.call('VM.migrate_send', ...parameters)).rejects.toMatchObject({
      code: 'OPERATION_NOT_ALLOWED',
    })
    const [vdi] = await source.call('VDI.get_all')
    await expect(
      source.call('VM.migrate_send', vm, dest, true, { [vdi]: 'OpaqueRef:1' }, {}, {}),
    ).rejects.toMatchObject(failure('VM_REQUIRES_SR', vm, 'OpaqueRef:1'))
    await expect(
      source.call('VM.migrate_send', vm, dest, true, {}, {}, { copy: 'true' }),
    ).rejects.toMatchObject({ code: 'OPERATION_NOT_ALLOWED' })
    const task = await source.call('Async.VM.migrate_send', 'OpaqueRef:1', dest, true, ...none)
    expect(await ended(source, task)).toMatchObject({
      ...{ status: 'failure', error_info: ['HANDLE_INVALID', 'VM', 'OpaqueRef:1'] },
    })
  })

  it('take options as texts, and refuse those that make no sense', async () => {
    const to = hosts.destination.secureUrl
    for (const options of [
      { fast: 'true' },
      { keep_source_disks: 'yes' },
      { patience_ms: '0' },
      { downtime_limit_ms: '-1' },
      { compress: 'zstd' },
    ])
      await expect(source.call('VM.migrate', vm, to, {}, {}, options)).rejects.toMatchObject({
        code: 'INVALID_VALUE',
      })
    // The simulated hypervisor cannot be told how to send memory, and says so.
    const tuned = { auto_converge: 'true', downtime_limit_ms: '300', patience_ms: '1000' }
    await expect(
      source.call('VM.migrate', vm, to, {}, { '*': 'beta1-lan' }, tuned),
    ).rejects.toMatchObject({
      code: 'VM_MIGRATE_FAILED',
      parameters: { 3: expect.stringContaining('memory-tuning') },
    })
  })

  async function vifMap() {
    const [vif] = await source.call('VIF.get_all')
    const [network] = await destination.call('network.get_all')
    return { [vif]: network }
  }

  it('by VM.migrate, the name of the design, and never show the VM twice', async () => {
    const task = await source.call(
      ...([
        'Async.VM.migrate',
        vm,
        hosts.destination.secureUrl,
        {},
        { '*': 'beta1-storage' },
      ] as const),
    )
    let isEnded = false
    const end = ended(source, task).finally(() => {
      isEnded = true
    })
    let steps = 0
    while (!isEnded) {
      // The destination first: what is seen there has been released here before.
      const there: string[] = await destination.call('VM.get_all')
      const here: string[] = await source.call('VM.get_all')
      expect(there.includes(vm) && here.includes(vm)).toBe(false)
      steps += 1
    }
    expect(steps).toBeGreaterThan(5)
    expect(await end).toMatchObject({
      ...{ status: 'success', progress: 1, result: `<value>${vm}</value>`, error_info: [] },
      ...{ name_label: 'Async.VM.migrate', allowed_operations: [] },
    })
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
    const operations = await fetch(`${hosts.source.url}/v1/operations`)
    const [latest] = JSON.parse(await operations.text())
    expect(latest).toMatchObject({ kind: 'migrate', state: 'succeeded' })
    await source.call('task.destroy', task)
    await expect(source.call('task.get_record', task)).rejects.toMatchObject({
      code: 'HANDLE_INVALID',
    })
  })

  it('by VM.pool_migrate to a host that was introduced, and wait for the end', async () => {
    const [host] = await source.call('host.get_all')
    const there = [vm, host, { live: 'true', compress: 'false' }]
    await expect(destination.call('VM.pool_migrate', ...there)).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'host', host),
    )
    await hosts.destination.toolstack.hosts.introduce(hosts.source.secureUrl)
    await expect(destination.call('VM.pool_migrate', ...there)).rejects.toMatchObject({
      code: 'VM_MIGRATE_FAILED',
      parameters: { 3: expect.stringContaining('network') },
    })
    const networks = { '*': 'alpha1-lan' }
    const options = { compress: 'true' }
    expect(await destination.call('VM.migrate', vm, 'alpha1', {}, networks, options)).toBe(vm)
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['alpha1'])
    const [last] = await hosts.destination.toolstack.operations.list()
    expect(last?.details).toMatchObject({ figures: { memoryBytesCrossed: expect.any(Number) } })
  })

  it('that run show in the VM, hold it, and are seen whoever began them', async () => {
    hosts.vms.injectFault('alpha1', { name: 'send-hangs', fraction: 0.5 })
    const request = {
      destination: hosts.destination.secureUrl,
      srMap: {},
      networkMap: { '*': 'beta1-lan' },
    }
    const begun = await hosts.source.toolstack.migrate(hosts.vm, {
      ...request,
      keepSourceDisks: false,
    })
    const task = `OpaqueRef:${begun.id}`
    expect(await source.call('VM.get_record', vm)).toMatchObject({
      ...{ current_operations: { [task]: 'migrate_send' }, allowed_operations: [] },
    })
    expect(await source.call('task.get_record', task)).toMatchObject({
      ...{ status: 'pending', name_label: 'VM.migrate', allowed_operations: ['cancel'] },
    })
    await expect(source.call('task.destroy', task)).rejects.toMatchObject({
      code: 'OPERATION_NOT_ALLOWED',
    })
    await expect(source.call('VM.hard_shutdown', vm)).rejects.toMatchObject({
      code: 'OTHER_OPERATION_IN_PROGRESS',
    })
    await source.call('task.cancel', task)
    expect(await ended(source, task)).toMatchObject({
      ...{ status: 'cancelled', error_info: ['TASK_CANCELLED', task] },
    })
    expect(await source.call('VM.get_current_operations', vm)).toEqual({})
  })

  it('VM.receive asks for what REST asks for', async () => {
    await expect(destination.call('VM.receive', '{"operation": 1}')).rejects.toMatchObject({
      code: 'INVALID_VALUE',
    })
    const request = {
      destination: hosts.destination.secureUrl,
      srMap: {},
      networkMap: { '*': 'beta1-lan' },
    }
    const wanted = await hosts.source.toolstack.receiveRequest(hosts.vm, {
      ...request,
      keepSourceDisks: false,
    })
    const { receiver, token } = await destination.call('VM.receive', JSON.stringify(wanted))
    const { id, state } = JSON.parse(receiver)
    expect(state).toBe('reserved')
    expect(await hosts.destination.toolstack.receivers.get(id, token)).toMatchObject({
      vm: hosts.vm,
    })
    await hosts.destination.toolstack.receivers.abort(id, token, 'enough')
  })
})
