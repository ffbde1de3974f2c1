/** All that can be checked without root and without the lab. What CI runs first, and a developer before each commit. */
import { checksWithoutLab } from './checks.ts'
import { runChecks } from './run-checks.ts'

const { passed, failed } = await runChecks(checksWithoutLab)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
