import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient, type Xapi } from 'xen-api'
import { MiB } from '../../src/lib/units.ts'
import { Playground } from './playground.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { type Traces, tracesOf } from './traces.ts'

/** The client of Xen Orchestra, unchanged, moves a real VM between real daemons. */
let playground: Playground
let before: readonly Traces[]
const clients: Xapi[] = []

beforeAll(async () => {
  playground = await Playground.open()
  before = await tracesOf(playground)
})

afterAll(async () => {
  for (const client of clients) await client.disconnect()
  await playground?.close()
})

async function connect({ url, toolstack }: PlaygroundHost): Promise<Xapi> {
  const { secret: password } = await toolstack.createToken({
    body: { name: `xen-orchestra-${clients.length}`, role: 'operator' },
  })
  const client = createClient({ url, auth: { user: 'root', password }, allowUnauthorized: true })
  clients.push(client)
  await client.connect()
  await client.objectsFetched
  return client
}

it('VM.migrate_send moves a VM that writes, with its disk, and loses nothing', async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const guest = playground.guest({ name: 'xenapi', number: 130 })
  await guest.startOn(source, [await source.newDisk('raw', 'xenapi', 64 * MiB)])
  const [here, there] = [await connect(source), await connect(destination)]

  const [vm] = Object(await here.call('VM.get_by_name_label', guest.name))
  const record = Object(await here.call('VM.get_record', vm))
  const vdi = await here.call('VBD.get_VDI', record.VBDs[0])
  const [host] = Object(await there.call('host.get_all'))
  const [network] = Object(await there.call('network.get_all'))
  const [sr] = Object(await there.call('SR.get_by_name_label', 'qcow2'))
  const dest = await there.call('host.migrate_receive', host, network, {})
  const vifs = Object.fromEntries(record.VIFs.map((vif: string) => [vif, network]))
  const parameters = [vm, dest, true, { [String(vdi)]: sr }, vifs, {}]

  await here.callAsync('VM.assert_can_migrate', ...parameters)
  expect(await here.callAsync('VM.migrate_send', ...parameters)).toBe(vm)
  await guest.waitUntilOn(destination)
  expect((await guest.checkWrites(destination)).problems).toEqual([])
  const [arrived] = await guest.vdis(destination)
  expect(
    await there.call('VDI.get_by_uuid', arrived).then((ref) => there.call('VDI.get_SR', ref)),
  ).toBe(sr)
  expect(await here.call('VM.get_by_name_label', guest.name)).toEqual([])

  expect((await guest.end(destination)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

it('VDI.pool_migrate moves the disk of a VM that writes to another SR', async () => {
  const host = playground.host('alpha1')
  const guest = playground.guest({ name: 'moved', number: 131 })
  await guest.startOn(host, [await host.newDisk('raw', 'moved', 64 * MiB)])
  const client = await connect(host)
  const [disk = ''] = await guest.vdis(host)
  const vdi = await client.call('VDI.get_by_uuid', disk)
  const [sr] = Object(await client.call('SR.get_by_name_label', 'qcow2'))

  expect(await client.callAsync('VDI.pool_migrate', vdi, sr, {})).toBe(vdi)
  expect(await client.call('VDI.get_SR', vdi)).toBe(sr)
  await guest.waitUntilOn(host)
  expect((await guest.checkWrites(host)).problems).toEqual([])

  expect((await guest.end(host)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})
