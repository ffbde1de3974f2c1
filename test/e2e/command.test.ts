import { beforeAll, expect, it } from 'vitest'
import { Cluster, type ClusterHost } from './cluster.ts'

let cluster: Cluster
let host: ClusterHost

beforeAll(async () => {
  cluster = await Cluster.open()
  host = cluster.host('beta1')
})

it('crosspool shows hosts of both pools, SRs and leftovers of a real host', async () => {
  const crosspool = (args: string) => host.lab.run(`crosspool ${args}`, { timeoutMs: 120_000 })
  const hosts: { name: string; reachable: boolean }[] = JSON.parse(
    await crosspool('hosts list --json'),
  )
  expect(hosts.map(({ name }) => name).sort()).toEqual(cluster.hosts.map(({ name }) => name).sort())
  expect(hosts.every(({ reachable }) => reachable)).toBe(true)
  expect(await crosspool('srs list')).toMatch(/^local\b.*lvm/m)
  expect(JSON.parse(await crosspool('leftovers --json'))).toEqual([])
  const { exitCode, stderr } = await host.lab.exec('crosspool vms show nobody', {
    timeoutMs: 120_000,
  })
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is no vm nobody'),
  })
})

it('drbdadm takes the sample files of the documentation', async () => {
  await host.lab.upload('docs/drbd', '/tmp/drbd-samples')
  // drbdadm asks the module for the syntax; for the other one it has to be told.
  const samples = { 'drbd-8.4.res': '8.4.11', 'drbd-9.res': '9.1.4' }
  for (const [sample, version] of Object.entries(samples)) {
    const drbdadm = ['env', `DRBD_DRIVER_VERSION_OVERRIDE=${version}`, 'drbdadm']
    const dump = await host.lab.run([...drbdadm, '-c', `/tmp/drbd-samples/${sample}`, 'dump'])
    expect(dump).toMatch(/resource "?crosspool-/)
    expect(dump).toMatch(/allow-two-primaries +no/)
  }
  await host.lab.run(['rm', '-r', '/tmp/drbd-samples'])
})
