import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classNames } from '../src/api/xenapi/classes/index.ts'
import { startXenApiHosts, vmName, type XenApiHosts } from './support/xenapi-hosts.ts'
import { callXenApi, openSession, WireFailure } from './support/xenapi-session.ts'

/** The XenAPI over two whole daemons, call by call. */
let hosts: XenApiHosts
let source: Awaited<ReturnType<typeof openSession>>
let destination: Awaited<ReturnType<typeof openSession>>
let vm: string

beforeAll(async () => {
  hosts = await startXenApiHosts()
  source = await openSession(hosts.source)
  destination = await openSession(hosts.destination)
  ;[vm] = await source.call('VM.get_by_name_label', vmName)
})
afterAll(() => hosts.close())

const failure = (code: string, ...parameters: unknown[]) => ({ code, parameters })

async function ended(session: typeof source, task: string) {
  for (;;) {
    const record = await session.call('task.get_record', task)
    if (record.status !== 'pending' && record.status !== 'cancelling') return record
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('sessions', () => {
  it('begin with a login and end with a logout', async () => {
    const { session, call } = await openSession(hosts.source)
    const [host] = await call('host.get_all')
    expect(await call('session.get_this_host', session)).toBe(host)
    expect(await call('session.get_uuid', session)).not.toContain(
      session.slice('OpaqueRef:'.length),
    )
    await expect(call('session.get_uuid', source.session)).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'session', source.session),
    )
    await call('session.logout')
    await expect(call('host.get_all')).rejects.toMatchObject(failure('SESSION_INVALID', session))
  })

  it('begin with a token of the API alone, and end with it', async () => {
    const { url, tokens } = hosts.source
    const login = (...given: string[]) => callXenApi(url, 'session.login_with_password', ...given)
    for (const password of ['', 'any', 'root'])
      await expect(login('root', password, '2.0', 'test')).rejects.toMatchObject(
        failure('SESSION_AUTHENTICATION_FAILED', 'root', expect.any(String)),
      )
    const { secret, token } = await tokens.create({ name: 'brief', role: 'viewer' })
    const session = await login('root', secret)
    await callXenApi(url, 'host.get_all', session)
    await tokens.revoke(token.id)
    await expect(callXenApi(url, 'host.get_all', session)).rejects.toMatchObject(
      failure('SESSION_INVALID', session),
    )
  })

  it('may do what the role of their token may, call by call', async () => {
    const { url, tokens } = hosts.source
    const names: string[] = await callXenApi(url, 'system.listMethods')
    const { secret } = await tokens.create({ name: 'looker', role: 'viewer' })
    const session = await callXenApi(url, 'session.login_with_password', 'root', secret)
    const isLook = /\.get_|^(event|session|system)\.|^host\.get_/
    const refused = names.filter((name) => !isLook.test(name) || name === 'event.inject')
    expect(refused.length).toBeGreaterThan(40)
    for (const name of refused)
      await expect(callXenApi(url, name, session), name).rejects.toMatchObject({
        code: 'RBAC_PERMISSION_DENIED',
      })
    await tokens.revoke('looker')
  })

  it('of a made-up reference are worth nothing', async () => {
    for (const session of ['', 'OpaqueRef:NULL', 7, null])
      await expect(callXenApi(hosts.source.url, 'VM.get_all', session)).rejects.toMatchObject({
        code: 'SESSION_INVALID',
      })
  })
})

describe('calls', () => {
  it('that nobody knows, or with the wrong number of parameters, are refused as clients probe for', async () => {
    for (const method of ['VM.fly', 'constructor', 'Async.VM.get_all', 'VM.get_nothing'])
      await expect(source.call(method)).rejects.toMatchObject(
        failure('MESSAGE_METHOD_UNKNOWN', method),
      )
    await expect(source.call('VM.get_record')).rejects.toMatchObject(
      failure('MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_record', '1', '0'),
    )
    await expect(source.call('VM.get_record', 7)).rejects.toMatchObject(
      failure('FIELD_TYPE_ERROR', 'self'),
    )
    await expect(source.call('VM.get_record', 'OpaqueRef:1')).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'VM', 'OpaqueRef:1'),
    )
    await expect(source.call('VM.get_by_uuid', 'x')).rejects.toMatchObject(
      failure('UUID_INVALID', 'VM', 'x'),
    )
  })

  it('answer every class in every way alike', async () => {
    for (const name of classNames) {
      const records: Record<string, Record<string, unknown>> = await source.call(
        `${name}.get_all_records`,
      )
      expect(await source.call(`${name}.get_all`)).toEqual(Object.keys(records))
      for (const [ref, record] of Object.entries(records)) {
        expect(await source.call(`${name}.get_record`, ref)).toEqual(record)
        expect(await source.call(`${name}.get_by_uuid`, record.uuid)).toBe(ref)
        for (const [field, value] of Object.entries(record).slice(0, 3))
          expect(await source.call(`${name}.get_${field}`, ref)).toEqual(value)
      }
    }
  })

  it('lead from each object to the others', async () => {
    const { VBDs, VIFs, resident_on } = await source.call('VM.get_record', vm)
    const { VDI, VM } = await source.call('VBD.get_record', VBDs[0])
    expect(VM).toBe(vm)
    const { SR, VBDs: users } = await source.call('VDI.get_record', VDI)
    expect(users).toEqual(VBDs)
    expect(await source.call('SR.get_name_label', SR)).toBe('local')
    const network = await source.call('VIF.get_network', VIFs[0])
    expect(await source.call('network.get_name_label', network)).toBe('alpha1-lan')
    const [pool] = await source.call('pool.get_all')
    expect(await source.call('pool.get_master', pool)).toBe(resident_on)
    const pif = await source.call('host.get_management_interface', resident_on)
    expect(await source.call('PIF.get_record', pif)).toMatchObject({ IP: '127.0.0.1', network })
    expect(await source.call('host.get_servertime', resident_on)).toMatch(/^\d{8}T\d\d:\d\d:\d\dZ$/)
  })

  it('list themselves, without what there is not', async () => {
    const names: string[] = await callXenApi(hosts.source.url, 'system.listMethods')
    expect(names).toEqual(expect.arrayContaining(['VM.migrate', 'Async.VM.migrate_send']))
    expect(names).not.toContain('VM.suspend')
    expect(new Set(names).size).toBe(names.length)
  })

  it('that the engine cannot do say so', async () => {
    await expect(source.call('VM.suspend', vm)).rejects.toMatchObject(
      failure('NOT_IMPLEMENTED', 'VM.suspend'),
    )
    await expect(source.call('VM.resume', vm, false, false)).rejects.toMatchObject(
      failure('VM_BAD_POWER_STATE', vm, 'suspended', 'running'),
    )
    const task = await source.call('Async.VM.suspend', vm)
    expect(await ended(source, task)).toMatchObject({
      ...{ status: 'failure', error_info: ['NOT_IMPLEMENTED', 'VM.suspend'] },
      name_label: 'Async.VM.suspend',
    })
  })

  it('may keep notes beside the pool', async () => {
    const [pool] = await source.call('pool.get_all')
    await source.call('pool.add_to_other_config', pool, 'xo:migrationNetwork', 'a')
    await expect(
      source.call('pool.add_to_other_config', pool, 'xo:migrationNetwork', 'b'),
    ).rejects.toMatchObject(
      failure(
        'MAP_DUPLICATE_KEY',
        ...['pool', 'other_config', pool, 'xo:migrationNetwork', 'a', 'b'],
      ),
    )
    expect(await source.call('pool.get_other_config', pool)).toEqual({ 'xo:migrationNetwork': 'a' })
    await source.call('pool.remove_from_other_config', pool, 'xo:migrationNetwork')
    expect(await source.call('pool.get_other_config', pool)).toEqual({})
  })
})

describe('events', () => {
  it('tell everything at first, then only what changes, and nothing at the timeout', async () => {
    const first = await source.call('event.from', ['*'], '', 5)
    const counts = Object.fromEntries(classNames.map((name) => [name.toLowerCase(), 0]))
    for (const { operation, class: name } of first.events) {
      expect(operation).toBe('add')
      counts[name] = (counts[name] ?? 0) + 1
    }
    expect(first.valid_ref_counts).toEqual(counts)

    const waiting = source.call('event.from', ['task'], first.token, 10)
    const task = await source.call('task.create', 'copy', 'of something')
    const second = await waiting
    expect(second.events).toEqual([
      expect.objectContaining({ class: 'task', operation: 'add', ref: task }),
    ])
    expect(second.events[0].snapshot).toMatchObject({ name_label: 'copy', status: 'pending' })

    await source.call('task.destroy', task)
    const third = await source.call('event.from', [`task/${task}`, 'nobody'], second.token, 10)
    expect(third.events).toEqual([
      expect.objectContaining({ class: 'task', operation: 'del', ref: task }),
    ])
    expect(third.events[0]).not.toHaveProperty('snapshot')
    const last = await source.call('event.from', ['task'], third.token, 0.2)
    expect(last.events).toEqual([])
  })

  it('come for what was injected, and refuse tokens that are none', async () => {
    const token = await source.call('event.inject', 'VM', vm)
    const { events } = await source.call('event.from', ['vm'], token, 5)
    expect(events).toEqual([expect.objectContaining({ class: 'vm', operation: 'mod', ref: vm })])
    await expect(source.call('event.from', ['vm'], 'yesterday', 1)).rejects.toMatchObject(
      failure('EVENT_FROM_TOKEN_PARSE_FAILURE', 'yesterday'),
    )
    const old = `${'1'.padStart(20, '0')},${'0'.repeat(20)}`
    await expect(source.call('event.from', ['vm'], old, 1)).rejects.toMatchObject(
      failure('EVENTS_LOST'),
    )
  })

  it('end for a session that logs out while it waits', async () => {
    const { session, call } = await openSession(hosts.source)
    const { token } = await call('event.from', ['*'], '', 1)
    const waiting = call('event.from', ['VM'], token, 30)
    await call('session.logout')
    await expect(waiting).rejects.toMatchObject(failure('SESSION_INVALID', session))
  })

  it('come in the old way too', async () => {
    const { session, call } = await openSession(hosts.source)
    await expect(call('event.next')).rejects.toMatchObject(
      failure('SESSION_NOT_REGISTERED', session),
    )
    await call('event.register', ['vm'])
    const waiting = call('event.next')
    await source.call('event.inject', 'VM', vm)
    expect(await waiting).toEqual([expect.objectContaining({ operation: 'mod', ref: vm })])
    await call('event.unregister', ['vm'])
  })
})

describe('migrations', () => {
  const letter = async (session: typeof source) => {
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

describe('whatever is asked', () => {
  const junk: unknown[] = [
    '',
    vmName,
    'OpaqueRef:NULL',
    -1,
    1e300,
    true,
    null,
    [],
    {},
    [[]],
    { __proto__: {} },
  ]

  it('the answer is one of the XenAPI, and never that something failed inside', async () => {
    const { url } = hosts.source
    const names: string[] = await callXenApi(url, 'system.listMethods')
    // It would wait for what nobody does.
    const calls = names.filter((name) => name !== 'event.next' && !name.includes('.get_'))
    expect(calls.length).toBeGreaterThan(40)
    for (const name of [...calls, 'VM.get_record', 'VM.get_by_name_label'])
      for (const value of junk) {
        const { session } = await openSession(hosts.source)
        for (const count of [1, 3, 6]) {
          const failure = await callXenApi(url, name, session, ...Array(count).fill(value)).then(
            () => null,
            (error: unknown) => error,
          )
          expect(failure, `${name} ${JSON.stringify(value)}`).not.toMatchObject({
            code: 'INTERNAL_ERROR',
          })
          expect(failure === null || failure instanceof WireFailure, `${name}: ${failure}`).toBe(
            true,
          )
        }
      }
    expect(hosts.vms.violations).toEqual([])
  }, 120_000)
})

describe('the wire', () => {
  const post = (path: string, type: string, body: string, headers: Record<string, string> = {}) =>
    fetch(hosts.source.url + path, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body,
    })
  const listMethods = '<methodCall><methodName>system.listMethods</methodName></methodCall>'

  it.each(['/', '/RPC2', '/xmlrpc'])('speaks XML-RPC at %s', async (path) => {
    const response = await post(path, 'text/xml', listMethods)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/xml')
    expect(await response.text()).toContain('<param><value><array><data><value>Async.')
  })

  it('says its types without a character set, and takes them with one', async () => {
    const call = '{"method":"system.listMethods","params":[],"id":1}'
    const response = await post('/jsonrpc', 'application/json; charset=utf-8', call)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({ error: null, id: 1 })
  })

  it('refuses what is no call, other types and foreign pages, and goes on', async () => {
    expect((await post('/', 'text/xml', '<!DOCTYPE x>')).status).toBe(400)
    expect((await post('/jsonrpc', 'application/json', '{')).status).toBe(400)
    expect((await post('/RPC2', 'text/plain', listMethods)).status).toBe(415)
    expect((await post('/jsonrpc', 'application/json', `"${'x'.repeat(2_000_000)}"`)).status).toBe(
      413,
    )
    const foreign = await post('/', 'text/xml', listMethods, { origin: 'http://elsewhere' })
    expect(foreign.status).toBe(400)
    expect((await fetch(`${hosts.source.url}/v1/health`)).status).toBe(200)
    expect((await post('/v1/hosts', 'text/xml', listMethods)).status).toBe(415)
  })
})
