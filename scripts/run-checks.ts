import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'

export interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** A vitest run: its tests are counted one by one, and none at all is a failure. */
  readonly isTestRun?: boolean
  /** It ends with 2 when whom it asks does not answer: that is skipped, neither passed nor failed. */
  readonly mayGoUnanswered?: boolean
}

export interface Tally {
  readonly passed: number
  readonly failed: number
  /** Cases of a contract that a driver says it does not support, and questions that nobody answered. */
  readonly skipped: number
}

/** One line that people and programs understand. */
export function sumUp(...tallies: readonly Tally[]): {
  readonly line: string
  readonly isOk: boolean
} {
  const sum = (pick: (tally: Tally) => number) =>
    tallies.reduce((all, tally) => all + pick(tally), 0)
  const [passed, failed, skipped] = [
    sum((t) => t.passed),
    sum((t) => t.failed),
    sum((t) => t.skipped),
  ]
  return {
    line: `${passed} passed, ${failed} failed, ${skipped} skipped`,
    isOk: failed === 0 && passed > 0,
  }
}

export const broken: Tally = { passed: 0, failed: 1, skipped: 0 }

const root = resolve(import.meta.dirname, '..')

/** Runs the checks one after the other, all of them even when one fails; shows what they print. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Tally[]> {
  const tallies: Tally[] = []
  for (const check of checks) {
    const startedMs = Date.now()
    console.log(`\n== ${check.name}`)
    const result = check.isTestRun ? await runTests(check.command) : await runCommand(check)
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    console.log(`== ${check.name}: ${outcomeOf(result)} (${seconds} s)`)
    tallies.push(result)
  }
  return tallies
}

function outcomeOf({ passed, failed }: Tally): string {
  if (failed > 0) return 'FAILED'
  return passed > 0 ? 'ok' : 'NOT DONE'
}

async function runCommand({ command, mayGoUnanswered = false }: Check): Promise<Tally> {
  const [file, ...args] = command
  const { exitCode } = await execa(file, args, { cwd: root, stdio: 'inherit', reject: false })
  if (exitCode === 0) return { passed: 1, failed: 0, skipped: 0 }
  return mayGoUnanswered && exitCode === 2 ? { passed: 0, failed: 0, skipped: 1 } : broken
}

async function runTests([file, ...args]: Check['command']): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-tests-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { exitCode } = await execa(file, [...args, ...reporters], {
      cwd: root,
      stdio: 'inherit',
      reject: false,
    })
    const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    )
    const skipped = numTotalTests - numPassedTests - numFailedTests
    // A run that broke beside its tests, or had none, has failed.
    const isBroken = numFailedTests === 0 && (exitCode !== 0 || numPassedTests === 0)
    return { passed: numPassedTests, failed: numFailedTests + (isBroken ? 1 : 0), skipped }
  } catch (error) {
    console.error(error)
    return broken
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
