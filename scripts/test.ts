/** Everything: the checks that need nothing, the model, the tests on the playground, then those on real hosts in the lab. Installs what it needs. */

import { Cluster } from '../test/e2e/cluster.ts'
import { attachLab, endLab } from '../test/lab/lab.ts'
import { ensurePackages } from '../test/lab/support/packages.ts'
import { audit, checksOnPlayground, checksWithoutLab } from './checks.ts'
import { broken, type Check, runChecks, sumUp, type Tally } from './run-checks.ts'

const model: Check = {
  name: 'the model of the handover',
  command: ['npx', 'tsx', 'scripts/verify.ts'],
}
const onHosts: Check = {
  name: 'tests on real hosts',
  command: ['npx', 'vitest', 'run', '--config', 'vitest.e2e.config.ts'],
  isTestRun: true,
}

const { text, isOk } = sumUp(
  ...(await runChecks([...checksWithoutLab, audit])),
  ...(await runModelChecker()),
  ...(await runChecks(checksOnPlayground)),
  ...(await runOnLab()),
)
console.log(`\n${text}`)
process.exit(isOk ? 0 : 1)

async function runModelChecker(): Promise<readonly Tally[]> {
  try {
    await ensurePackages((text) => console.log(`-- ${text}`), ['spin', 'gcc', 'libc6-dev'])
    return await runChecks([model])
  } catch (error) {
    return [broken(model, error)]
  }
}

async function runOnLab(): Promise<readonly Tally[]> {
  await ensurePackages((line) => console.log(`-- ${line}`))
  const wasRunning = (await attachLab()) !== undefined
  try {
    await Cluster.open({ log: (line) => console.log(`-- ${line}`) })
    return await runChecks([onHosts])
  } catch (error) {
    return [broken(onHosts, error)]
  } finally {
    if (!wasRunning) await endLab()
  }
}
