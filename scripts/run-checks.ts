import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
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
  /** Each in a line of its own: the check or the test, and what it said. */
  readonly failures: readonly string[]
  /** Cases of a contract that a driver says it does not support, and questions that nobody answered. */
  readonly skipped: number
}

/** What failed, each by its name, and as the last line the numbers, which people and programs understand. */
export function sumUp(...tallies: readonly Tally[]): {
  readonly text: string
  readonly isOk: boolean
} {
  const sum = (pick: (tally: Tally) => number) =>
    tallies.reduce((all, tally) => all + pick(tally), 0)
  const failures = tallies.flatMap((tally) => tally.failures)
  const [passed, skipped] = [sum((tally) => tally.passed), sum((tally) => tally.skipped)]
  const numbers = `${passed} passed, ${failures.length} failed, ${skipped} skipped`
  return {
    text: [...failures.map((failure) => `FAILED ${failure}`), numbers].join('\n'),
    isOk: failures.length === 0 && passed > 0,
  }
}

/** A check that failed as a whole. */
function failed({ name }: Check, why: string): Tally {
  return { passed: 0, failures: [`${name} (${why})`], skipped: 0 }
}

/** One that could not be made; prints what kept it. */
export function broken(check: Check, error: unknown): Tally {
  console.error(error)
  return failed(check, error instanceof Error ? error.message : String(error))
}

/** What is read of vitest's report for programs. */
interface TestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numTotalTests: number
  readonly testResults: readonly TestFile[]
}

interface TestFile {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly {
    readonly fullName: string
    readonly status: string
    readonly failureMessages?: readonly string[]
  }[]
}

const root = resolve(import.meta.dirname, '..')

/** Runs the checks one after the other, all of them even when one fails; shows what they print. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Tally[]> {
  const tallies: Tally[] = []
  for (const check of checks) {
    const startedMs = Date.now()
    console.log(`\n== ${check.name}`)
    const result = check.isTestRun ? await runTests(check) : await runCommand(check)
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    console.log(`== ${check.name}: ${outcomeOf(result)} (${seconds} s)`)
    tallies.push(result)
  }
  return tallies
}

function outcomeOf({ passed, failures }: Tally): string {
  if (failures.length > 0) return 'FAILED'
  return passed > 0 ? 'ok' : 'NOT DONE'
}

async function runCommand(check: Check): Promise<Tally> {
  const { command, mayGoUnanswered = false } = check
  const [file, ...args] = command
  const { exitCode } = await execa(file, args, { cwd: root, stdio: 'inherit', reject: false })
  if (exitCode === 0) return { passed: 1, failures: [], skipped: 0 }
  return mayGoUnanswered && exitCode === 2
    ? { passed: 0, failures: [], skipped: 1 }
    : failed(check, command.join(' '))
}

async function runTests(check: Check): Promise<Tally> {
  const [file, ...args] = check.command
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-tests-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { exitCode } = await execa(file, [...args, ...reporters], {
      cwd: root,
      stdio: 'inherit',
      reject: false,
    })
    const { testResults, ...tests } = readReport(report)
    const failures = testResults.flatMap(failuresIn)
    const skipped = tests.numTotalTests - tests.numPassedTests - tests.numFailedTests
    // A run that broke beside its tests, or had none, has failed.
    const isBroken = failures.length === 0 && (exitCode !== 0 || tests.numPassedTests === 0)
    return {
      passed: tests.numPassedTests,
      failures: isBroken ? [`${check.name} (broke beside its tests)`] : failures,
      skipped,
    }
  } catch (error) {
    return broken(check, error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(file: string): TestReport {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function failuresIn({ name, status, message, assertionResults }: TestFile): string[] {
  const file = relative(root, name)
  const failures = assertionResults
    .filter((each) => each.status === 'failed')
    .map(({ fullName, failureMessages: [why = ''] = [] }) => `${fullName}: ${firstLineOf(why)}`)
  // One that could not even be loaded, or whose hooks failed, fails by itself.
  const all = failures.length === 0 && status === 'failed' ? [firstLineOf(message)] : failures
  return all.map((failure) => `${file} > ${failure}`)
}

function firstLineOf(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
