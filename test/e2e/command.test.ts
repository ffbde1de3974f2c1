import { beforeAll, expect, it } from 'vitest'
import { diagnosisSchema } from '../../src/model/diagnosis.ts'
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

it('the doctor finds nothing to mend on a real Xen host with DRBD, and a bundle shows how its things stand', async () => {
  const { stdout, exitCode } = await host.lab.exec('crosspool doctor --json', {
    timeoutMs: 180_000,
  })
  const { findings } = diagnosisSchema.parse(JSON.parse(stdout))
  expect(findings.filter(({ result }) => result === 'failed')).toEqual([])
  expect(exitCode).toBe(0)
  for (const name of ['Xen', 'drbdadm', 'module drbd', 'lvs', "LVM's filter", 'DRBD handlers'])
    expect(findings).toContainEqual(expect.objectContaining({ name, result: 'passed' }))

  const folder = '/root/support'
  const write = `mkdir ${folder} && cd ${folder} && crosspool support-bundle --output a.tar.gz`
  await host.lab.run(write, { timeoutMs: 300_000 })
  await host.lab.run(`tar xzf ${folder}/a.tar.gz -C ${folder} --strip-components=1`)
  const text = await host.lab.run(`cat ${folder}/commands/*.txt ${folder}/logs/*.txt`)
  for (const part of ['xen_version', 'Domain-0', 'vg0', 'xapi is ready'])
    expect(text).toContain(part)
  await host.lab.run(`rm -r ${folder}`)
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
