import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClient, type Xapi, type XapiObject } from 'xen-api'
import {
  startXenApiHosts,
  vmName,
  type XenApiHost,
  type XenApiHosts,
} from '../support/xenapi-hosts.ts'

/** The client of Xen Orchestra, unchanged, against two daemons. */
let hosts: XenApiHosts
const clients: Xapi[] = []

beforeAll(async () => {
  hosts = await startXenApiHosts()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.disconnect()
})
afterAll(() => hosts.close())

type Transport = 'auto' | 'json-rpc' | 'xml-rpc'

async function connect({ url, token }: XenApiHost, transport: Transport): Promise<Xapi> {
  const client = createClient({
    ...{ url, transport, auth: { user: 'root', password: token } },
    allowUnauthorized: true,
  })
  clients.push(client)
  await client.connect()
  await client.objectsFetched
  return client
}

function find(client: Xapi, type: string, name?: string): XapiObject {
  const found = Object.values(client.objects.all).find(
    (object) => object.$type === type && (name === undefined || object.name_label === name),
  )
  if (!found) throw new Error(`the client has no ${type} ${name ?? ''}`)
  return found
}

function has(client: Xapi, ref: string): boolean {
  return Object.values(client.objects.all).some(({ $ref }) => $ref === ref)
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error(`${what} did not happen`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** As Xen Orchestra does it: the destination is asked first, then the source. */
async function send(source: Xapi, destination: Xapi, vmRef: string) {
  const network = find(destination, 'network')
  const host = find(destination, 'host')
  const dest = await destination.call('host.migrate_receive', host.$ref, network.$ref, {})
  const ofVm = (type: string) =>
    Object.values(source.objects.all).filter(
      (object) => object.$type === type && object.VM === vmRef,
    )
  const sr = find(destination, 'SR', 'local').$ref
  const vdiMap = Object.fromEntries(ofVm('VBD').map(({ VDI }) => [String(VDI), sr]))
  const vifMap = Object.fromEntries(ofVm('VIF').map(({ $ref }) => [$ref, network.$ref]))
  const parameters = [vmRef, dest, true, vdiMap, vifMap, { force: 'true' }] as const
  return {
    assert: () => source.callAsync('VM.assert_can_migrate', ...parameters),
    begin: () => source.call('Async.VM.migrate_send', ...parameters),
    migrate: () => source.callAsync('VM.migrate_send', ...parameters),
  }
}

describe.each(['json-rpc', 'xml-rpc'] as const)('npm xen-api over %s', (transport) => {
  it('logs in, sees the objects and waits for a change', async () => {
    const client = await connect(hosts.source, transport)
    expect(client.pool.name_label).toBe('alpha')
    const vm = find(client, 'VM', vmName)
    expect(vm).toMatchObject({ power_state: 'Running', resident_on: find(client, 'host').$ref })
    expect(find(client, 'SR', 'local')).toMatchObject({ type: 'simulated' })
    const barrier = await client.barrier(client.pool.$ref)
    expect(barrier.$ref).toBe(client.pool.$ref)
  })

  it('hears of a VM that stops and of one that appears', async () => {
    const client = await connect(hosts.source, transport)
    const id = transport === 'json-rpc' ? '1'.repeat(8) : '2'.repeat(8)
    hosts.vms.addVm('alpha1', { id: `${id}-1111-4111-8111-111111111111`, name: `new-${transport}` })
    const isThere = () =>
      Object.values(client.objects.all).some(({ name_label }) => name_label === `new-${transport}`)
    await until(isThere, 'the new VM')
    hosts.vms.remove('alpha1', `${id}-1111-4111-8111-111111111111`)
    await until(() => !isThere(), 'the end of the VM')
  })
})

describe('a migration by npm xen-api', () => {
  it('goes from pool to pool; the task grows to success and the VM changes sides', async () => {
    const source = await connect(hosts.source, 'auto')
    const destination = await connect(hosts.destination, 'auto')
    const vm = find(source, 'VM', vmName)
    const { assert, migrate } = await send(source, destination, vm.$ref)
    await assert()

    const seen: { status: unknown; progress: number }[] = []
    const noteTasks = (items: Readonly<Record<string, XapiObject>>) => {
      for (const { $type, name_label, status, progress } of Object.values(items))
        if ($type === 'task' && name_label === 'Async.VM.migrate_send')
          seen.push({ status, progress: Number(progress) })
    }
    source.objects.on('add', noteTasks)
    source.objects.on('update', noteTasks)

    expect(await migrate()).toBe(vm.$ref)
    await until(() => seen.some(({ status }) => status === 'success'), 'the end of the task')
    const progress = seen.map((task) => task.progress)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBe(1)

    await until(() => !has(source, vm.$ref), 'the end of the VM here')
    await until(() => has(destination, vm.$ref), 'the VM there')
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
    expect(hosts.vms.violations).toEqual([])
    const vif = Object.values(destination.objects.all).find(
      ({ $type, VM }) => $type === 'VIF' && VM === vm.$ref,
    )
    expect(vif?.network).toBe(find(destination, 'network').$ref)
  })

  it('fails with VM_MIGRATE_FAILED when the memory cannot be sent, and the VM runs on', async () => {
    const source = await connect(hosts.destination, 'auto')
    const destination = await connect(hosts.source, 'auto')
    const vm = find(source, 'VM', vmName)
    hosts.vms.injectFault('beta1', { name: 'send-fails', fraction: 0.5 })
    const { migrate } = await send(source, destination, vm.$ref)
    const failure = await migrate().catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'VM_MIGRATE_FAILED',
      params: [
        vm.$ref,
        find(source, 'host').$ref,
        find(destination, 'host').$ref,
        expect.any(String),
      ],
    })
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
  })

  it('is cancelled as a task', async () => {
    const source = await connect(hosts.destination, 'auto')
    const destination = await connect(hosts.source, 'auto')
    const vm = find(source, 'VM', vmName)
    hosts.vms.injectFault('beta1', { name: 'send-hangs', fraction: 0.5 })
    const { begin } = await send(source, destination, vm.$ref)
    const task = String(await begin())
    await until(() => has(source, task), 'the task')
    await source.call('task.cancel', task)
    await expect(source.watchTask(task)).rejects.toThrow('task canceled')
    expect(await source.call('task.get_status', task)).toBe('cancelled')
    expect(await source.call('task.get_error_info', task)).toEqual(['TASK_CANCELLED', task])
    expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
  })
})
