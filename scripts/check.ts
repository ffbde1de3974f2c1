/** All that can be checked without root and without the lab. What CI runs first, and a developer before each commit. */
import { checksWithoutLab } from './checks.ts'
import { runChecks, sumUp } from './run-checks.ts'

const { text, isOk } = sumUp(...(await runChecks(checksWithoutLab)))
console.log(`\n${text}`)
process.exitCode = isOk ? 0 : 1
