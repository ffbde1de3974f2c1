/** Everything: the checks that need nothing, then the tests on real hosts in the lab. Installs what it needs. */

import { Cluster } from '../test/e2e/cluster.ts'
import { attachLab, endLab } from '../test/lab/lab.ts'
import { ensurePackages } from '../test/lab/support/packages.ts'
import { checksWithoutLab } from './checks.ts'
import { runChecks } from './run-checks.ts'

const checks = await runChecks(checksWithoutLab)
const lab = await runOnLab()
const passed = checks.passed + lab.passed
const failed = checks.failed + lab.failed
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

async function runOnLab() {
  await ensurePackages((line) => console.log(`-- ${line}`))
  const wasRunning = (await attachLab()) !== undefined
  try {
    await Cluster.open({ log: (line) => console.log(`-- ${line}`) })
    return await runChecks([
      {
        name: 'tests on real hosts',
        command: ['npx', 'vitest', 'run', '--config', 'vitest.e2e.config.ts'],
        isTestRun: true,
      },
    ])
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1 }
  } finally {
    if (!wasRunning) await endLab()
  }
}
