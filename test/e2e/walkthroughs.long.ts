import { beforeAll, expect, it } from 'vitest'
import { Cluster } from './cluster.ts'
import { endGuest } from './end-guest.ts'
import { checkWrites } from './measured-migration.ts'
import { type Traces, tracesOf } from './traces.ts'
import { runWalkthrough } from './walkthrough.ts'

let cluster: Cluster
let before: readonly Traces[]

beforeAll(async () => {
  cluster = await Cluster.open()
  before = await Promise.all(cluster.hosts.map(tracesOf))
})

it('a whole migration is done by hand, with curl alone', async () => {
  const [source, destination] = [cluster.host('alpha1'), cluster.host('beta1')]
  await source.newPlainVolume('byhand', 64)
  const guest = await cluster.startGuest(source, {
    name: 'byhand',
    number: 110,
    disks: ['phy:/dev/vg0/byhand'],
  })
  await runWalkthrough('migrate-by-hand.md', source.lab, {
    SOURCE_XAPI: await source.curl('xapi', source),
    SOURCE_SM: await source.curl('sm', source),
    DESTINATION_XAPI: await destination.curl('xapi', source),
    DESTINATION_SM: await destination.curl('sm', source),
    DESTINATION_URL: destination.url,
    VM: 'byhand',
  })
  await guest.waitUntilOn(destination.lab)
  expect((await checkWrites(guest, destination)).problems).toEqual([])
  await endGuest(guest, destination)
  await source.lab.run('lvremove --yes vg0/byhand')
  expect(await Promise.all(cluster.hosts.map(tracesOf))).toEqual(before)
})
