/**
 * Measures Crosspool beside its peers on this machine, and judges the goals.
 *
 *   npm run bench                      all that needs no lab; a table
 *   npm run bench -- --json            one JSON document on stdout, progress on stderr
 *   npm run bench -- --write           also writes docs/benchmarks
 *   npm run bench -- --lab xen         in the lab of Xen hosts
 *   npm run bench -- --repeats 1 --sizes 64 --vms 100 --migrations 10     a short one
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { GiB, MiB } from '../src/lib/units.ts'
import { benchControlPlane } from '../test/bench/control-plane/measure.ts'
import { moveMetrics } from '../test/bench/move-metrics.ts'
import { inOwnNetwork } from '../test/bench/own-network.ts'
import { benchQemu, prepareQemu } from '../test/bench/qemu.ts'
import {
  type BenchDocument,
  currentLoad,
  documentLine,
  machineFacts,
} from '../test/bench/report/document.ts'
import { reportFiles } from '../test/bench/report/page.ts'
import { benchXen } from '../test/bench/xen.ts'

const folder = resolve(import.meta.dirname, '../docs/benchmarks')
const bitsPerSecond = 1_000_000_000

const { values } = parseArgs({
  options: {
    lab: { type: 'string', default: 'qemu' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '64,128,256' },
    vms: { type: 'string', default: '1000' },
    migrations: { type: 'string', default: '100' },
  },
})

const allocatedMebibytes = values.sizes.split(',').map(Number)
const plan = { allocatedMebibytes, repeats: Number(values.repeats) }

if (values.lab === 'qemu') {
  await prepareQemu(console.error)
  await inOwnNetwork(bitsPerSecond, async () => publish(await benchHere()))
} else if (values.lab === 'xen') {
  await publish(await benchInLab())
} else {
  console.error('Usage: npm run bench [-- --json] [--write] [--lab qemu|xen] [--repeats 3]')
  process.exitCode = 2
}

async function benchHere(): Promise<BenchDocument> {
  const loadBefore = currentLoad()
  const scale = { vms: Number(values.vms), migrations: Number(values.migrations) }
  const controlPlane = await benchControlPlane(scale, console.error)
  const sizeBytes = Math.max(GiB, 2 * Math.max(...allocatedMebibytes) * MiB)
  const samples = await benchQemu({ ...plan, sizeBytes }, console.error)
  return {
    ...{ lab: 'qemu', takenAt: new Date().toISOString(), machine: machineFacts(loadBefore) },
    link: { bitsPerSecond },
    metrics: [...moveMetrics('qemu', samples), ...controlPlane],
    samples,
  }
}

async function benchInLab(): Promise<BenchDocument> {
  const loadBefore = currentLoad()
  // Emulated hosts are slow, and DRBD copies the whole of a disk.
  const samples = await benchXen({ ...plan, sizeBytes: 512 * MiB }, console.error)
  return {
    ...{ lab: 'xen', takenAt: new Date().toISOString(), machine: machineFacts(loadBefore) },
    ...{ link: { bitsPerSecond: null }, metrics: moveMetrics('xen', samples), samples },
  }
}

async function publish(document: BenchDocument): Promise<void> {
  if (values.write) {
    await mkdir(folder, { recursive: true })
    for (const [name, content] of Object.entries(reportFiles(document)))
      await writeFile(join(folder, name), content)
  }
  if (values.json) console.log(documentLine(document))
  else
    for (const { name, value, unit, goal, met } of document.metrics)
      console.log(
        `${name}  ${value} ${unit}${goal ? `  (${goal}: ${met ? 'met' : 'missed'})` : ''}`,
      )
}
