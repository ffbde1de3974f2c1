/**
 * The main job on real parts, for a person to watch and for a script to read: a VM that writes to
 * two disks moves to another pool and back, and a checker proves what became of its writes.
 */
import { parseArgs } from 'node:util'
import { MiB } from '../src/lib/units.ts'
import { migrationDetailsSchema } from '../src/model/migration.ts'
import { isEnded, type Operation } from '../src/model/operation.ts'
import { Cluster } from '../test/e2e/cluster.ts'
import { endGuest } from '../test/e2e/end-guest.ts'
import { type MeasuredMigration, migrateAndCheck } from '../test/e2e/measured-migration.ts'
import { attachLab, endLab } from '../test/lab/lab.ts'
import { ensurePackages } from '../test/lab/support/packages.ts'

const { values } = parseArgs({
  options: {
    lab: { type: 'string', default: 'xen' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const usage = `Usage: npm run demo [-- --lab xen] [--json]

Moves a running VM with two disks to another pool and back, on real Xen and real DRBD in virtual hosts.
  --lab xen   the only lab there is so far
  --json      the last line is one JSON object`

if (values.help) {
  console.log(usage)
} else if (values.lab !== 'xen') {
  console.error(`There is no lab ${values.lab}.\n\n${usage}`)
  process.exitCode = 2
} else {
  process.exitCode = (await demonstrate()) ? 0 : 1
}

async function demonstrate(): Promise<boolean> {
  const startedMs = Date.now()
  const tell = (line: string) =>
    console.log(`${((Date.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}`)
  const wasRunning = (await attachLab()) !== undefined
  try {
    await ensurePackages(tell)
    const cluster = await Cluster.open({ log: tell, topology: 'pair' })
    const [source, destination] = [cluster.host('alpha1'), cluster.host('beta1')]
    const root = await source.newDisk('local', 'demo-root', 64 * MiB)
    const data = await source.newDisk('files', 'demo-data', 256 * MiB)
    tell('a VM with two disks starts on alpha1: an LV of 64 MiB, a sparse file of 256 MiB')
    const guest = await cluster.startGuest(source, {
      name: 'demo',
      number: 120,
      disks: [`phy:${root.device}`, `phy:${data.device}`],
    })

    const migrations: MeasuredMigration[] = []
    for (const [from, to] of [
      [source, destination],
      [destination, source],
    ] as const) {
      tell(`it moves from pool ${from.pool} to pool ${to.pool} while it writes`)
      migrations.push(await migrateAndCheck(guest, from, to, { onChange: progressTeller(tell) }))
      tell(verdictLine(migrations.at(-1)))
    }
    await endGuest(guest, source)
    const isOk = migrations.every(({ verdict }) => verdict.problems.length === 0)
    tell(
      isOk
        ? 'Every acknowledged write is there, and the VM saw no I/O error.'
        : 'THE CHECKER FOUND PROBLEMS, see above.',
    )
    if (values.json)
      console.log(JSON.stringify({ ok: isOk, migrations: migrations.map(({ report }) => report) }))
    return isOk
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    if (values.json) console.log(JSON.stringify({ ok: false, migrations: [] }))
    return false
  } finally {
    if (!wasRunning) await endLab()
  }
}

/** One line for each step, and now and then one for what takes long. */
function progressTeller(tell: (line: string) => void): (operation: Operation) => void {
  let told = ''
  return (operation) => {
    const { disks, memory } = migrationDetailsSchema.parse(operation.details)
    const step = operation.steps.find(({ state }) => state === 'running')?.name
    if (isEnded(operation) || !step) return
    const parts = {
      synchronise: disks
        .map(
          (disk) =>
            `${disk.slot} ${disk.state === 'waiting' || disk.state === 'connecting' ? disk.state : percent(disk.sizeBytes - disk.outOfSyncBytes, disk.sizeBytes)}`,
        )
        .join(', '),
      memory: percent(memory.sentBytes, memory.totalBytes),
    }
    const line = `      ${step} ${step === 'synchronise' || step === 'memory' ? parts[step] : ''}`
    if (line !== told) tell(line)
    told = line
  }
}

/** In steps of a quarter, so that lines stay few. */
function percent(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.max(0, Math.floor((4 * part) / whole) * 25)} %`
}

function verdictLine(migration: MeasuredMigration | undefined): string {
  if (!migration) return ''
  const { report, verdict } = migration
  const { downtimeMs, handoverMs, totalMs, bytesReplicated } = report
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const figures = `silent for ${seconds(downtimeMs)} as seen from outside, of which the disks took ${seconds(handoverMs)}; ${(bytesReplicated / MiB).toFixed(0)} MiB replicated, ${seconds(totalMs)} in all`
  const proof = `${report.acknowledgedWritesLost} acknowledged writes lost, ${report.guestIoErrors} I/O errors`
  return [
    `it runs on ${report.to.host}: ${figures}`,
    `      ${proof}`,
    ...verdict.problems.map((problem) => `      PROBLEM: ${problem}`),
  ].join('\n')
}
