/**
 * The main job on real parts, for a person to watch and for a script to read: a VM that writes to
 * two disks moves to another pool and back, and a checker proves what became of its writes.
 */
import { parseArgs } from 'node:util'
import type { MeasuredMigration } from '../test/support/measured-migration.ts'
import { progressTeller, verdictLine } from './demo/progress.ts'
import { openQemuStage } from './demo/qemu-stage.ts'
import type { OpenStage } from './demo/stage.ts'
import { openXenStage } from './demo/xen-stage.ts'

const stages: Readonly<Record<string, OpenStage>> = { qemu: openQemuStage, xen: openXenStage }

const { values } = parseArgs({
  options: {
    lab: { type: 'string', default: 'qemu' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const usage = `Usage: npm run demo [-- --lab qemu|xen] [--json]

Moves a running VM with two disks to another pool and back.
  --lab qemu  two pools on this machine, without root: real QEMU, mirrors in user space (default)
  --lab xen   real Xen and real DRBD in virtual hosts: minutes
  --json      the last line is one JSON object`

const openStage = stages[values.lab]
if (values.help) {
  console.log(usage)
} else if (!openStage) {
  console.error(`There is no lab ${values.lab}.\n\n${usage}`)
  process.exitCode = 2
} else {
  process.exitCode = (await demonstrate(openStage)) ? 0 : 1
}

async function demonstrate(open: OpenStage): Promise<boolean> {
  const startedMs = Date.now()
  const tell = (line: string) =>
    console.log(`${((Date.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}`)
  const migrations: MeasuredMigration[] = []
  const isOk = await play(open, tell, migrations).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    return false
  })
  if (values.json)
    console.log(JSON.stringify({ ok: isOk, migrations: migrations.map(({ report }) => report) }))
  return isOk
}

async function play(
  open: OpenStage,
  tell: (line: string) => void,
  migrations: MeasuredMigration[],
): Promise<boolean> {
  const stage = await open(tell)
  try {
    for (const [from, to] of [
      ['alpha', 'beta'],
      ['beta', 'alpha'],
    ] as const) {
      tell(`it moves from pool ${from} to pool ${to} while it writes`)
      const moved = await stage.move(progressTeller(tell))
      migrations.push(moved)
      tell(verdictLine(moved))
    }
    const problems = [
      ...migrations.flatMap(({ verdict }) => verdict.problems),
      ...(await stage.endVm()),
    ]
    tell(
      problems.length === 0
        ? 'Every acknowledged write is there, and the VM saw no I/O error.'
        : ['THE CHECKER FOUND PROBLEMS:', ...problems].join('\n      '),
    )
    return problems.length === 0
  } finally {
    await stage.close()
  }
}
