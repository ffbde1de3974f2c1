import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'

export interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** A vitest run: its tests are counted one by one, and none at all is a failure. */
  readonly isTestRun?: boolean
}

export interface Tally {
  readonly passed: number
  readonly failed: number
}

const root = resolve(import.meta.dirname, '..')

/** Runs the checks one after the other, all of them even when one fails; shows what they print. */
export async function runChecks(checks: readonly Check[]): Promise<Tally> {
  let tally: Tally = { passed: 0, failed: 0 }
  for (const check of checks) {
    const startedMs = Date.now()
    console.log(`\n== ${check.name}`)
    const result = check.isTestRun ? await runTests(check.command) : await runCommand(check.command)
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    console.log(`== ${check.name}: ${result.failed ? 'FAILED' : 'ok'} (${seconds} s)`)
    tally = { passed: tally.passed + result.passed, failed: tally.failed + result.failed }
  }
  return tally
}

async function runCommand([file, ...args]: Check['command']): Promise<Tally> {
  const { exitCode } = await execa(file, args, { cwd: root, stdio: 'inherit', reject: false })
  return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
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
    const { numPassedTests: passed, numTotalTests: total } = JSON.parse(
      readFileSync(report, 'utf8'),
    )
    // A skipped test has not passed, and neither has a run that broke beside its tests.
    const failed = total - passed
    return { passed, failed: failed === 0 && (exitCode !== 0 || total === 0) ? 1 : failed }
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
