import { expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { migrationDetailsSchema } from '../../src/model/migration.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

const sizeBytes = 8 * MiB

async function createCluster() {
  const cluster = new SimulatedCluster()
  const one = await cluster.addHost('one', 'alpha')
  const two = await cluster.addHost('two', 'beta')
  const sr = (await one.storage.listSrs())[0]?.id ?? ''
  const { id } = await one.storage.createVdi({ sr, name: 'root', sizeBytes })
  await one.storage.attach(id)
  const { device } = await one.storage.activate(id)
  cluster.vms.addVm('one', {
    id: 'vm',
    disks: [{ slot: 'xvda', device: device ?? '', readOnly: false }],
  })
  return { cluster, one, two }
}

it('compares both sides of every copied disk before the memory moves, and tells so', async () => {
  const { cluster } = await createCluster()
  const operation = await cluster.migrate('vm', 'one', 'two', { verify: true })
  expect(operation.state).toBe('succeeded')
  const { verification, checks } = migrationDetailsSchema.parse(operation.details)
  expect(verification).toMatchObject({ comparedBytes: sizeBytes, differentBytes: 0 })
  expect(checks).toContainEqual(expect.objectContaining({ name: 'verify', result: 'passed' }))
})

it('ends with the VM at the source when the two sides differ', async () => {
  const { cluster, one, two } = await createCluster()
  cluster.disks.holdSync(true)
  const request = { destination: 'http://two', srMap: {}, networkMap: {}, keepSourceDisks: false }
  const begun = one.toolstack.migrate('vm', { ...request, verify: true })
  const { id } = await cluster.until(begun, 'the beginning')
  await cluster.clock.advance(2_000)
  const [replication] = await two.storage.listReplications()
  for (const { volumes } of cluster.disks.arrays.values())
    volumes.get(replication?.vdi ?? '')?.blocks.set(5, 'nobody wrote this')
  cluster.disks.holdSync(false)
  const ended = await cluster.until(one.toolstack.operations.wait(id), 'the end')
  expect(ended).toMatchObject({ state: 'failed', error: { code: 'DISKS_DIFFER' } })
  expect(migrationDetailsSchema.parse(ended.details).released).toBe(false)
})

it('is refused beforehand where disks cannot be compared', async () => {
  const { cluster, one } = await createCluster()
  const facts = await one.storage.facts()
  Object.assign(one.storage, { facts: async () => ({ ...facts, verifies: false }) })
  const { error } = await cluster.migrate('vm', 'one', 'two', { verify: true })
  expect(error).toMatchObject({ code: 'PREFLIGHT_FAILED' })
})
