import { beforeAll, expect, it } from 'vitest'
import { Cluster } from './cluster.ts'
import { type Traces, tracesOf } from './traces.ts'
import { runWalkthrough } from './walkthrough.ts'

let cluster: Cluster
let before: readonly Traces[]

beforeAll(async () => {
  cluster = await Cluster.open()
  before = await Promise.all(cluster.hosts.map(tracesOf))
})

it('two storage managers mirror a disk by one URI, with curl alone', async () => {
  const [source, target] = [cluster.host('alpha1'), cluster.host('beta1')]
  const output = await runWalkthrough('replicate-a-disk.md', source.lab, {
    SOURCE_SM: await source.curl('sm', source),
    TARGET_SM: await target.curl('sm', source),
    SOURCE_SR: await source.sr('local'),
    TARGET_SR: await target.sr('files'),
  })
  expect(output).toContain('"state": "synced"')
  expect(await Promise.all(cluster.hosts.map(tracesOf))).toEqual(before)
})
