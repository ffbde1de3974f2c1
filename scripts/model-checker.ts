import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { CommandRunner } from '../src/ports/command-runner.ts'

/** One question to the model checker. */
export interface Question {
  readonly name: string
  /** `laws`: what is true in every state. `settles`: what is reached in the end, however faults fell. */
  readonly property: 'laws' | 'settles'
  /** Preprocessor symbols, as gcc's -D takes them. */
  readonly defines: readonly string[]
  /** A changed model must fail, or nothing has been shown by the unchanged one. */
  readonly expected: 'holds' | 'fails'
}

export interface Finding {
  readonly verdict: 'holds' | 'fails' | 'incomplete'
  readonly states: number
  /** Steps of the model that no run has taken; told only where the whole model has been searched. */
  readonly unreached: readonly string[]
}

const depthMax = 1_000_000
const memoryMiB = 1_024
const timeoutMs = 100_000

/** Asks spin: it makes a program of the model that visits every state. Answers what broke, where something did. */
export async function askModelChecker(
  commandRunner: CommandRunner,
  model: string,
  question: Question,
): Promise<Finding & { readonly broken: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'crosspool-verify-'))
  // spin writes its program and its trails to where it runs.
  const inFolder = (...command: readonly string[]) =>
    commandRunner.probe('sh', ['-c', 'cd "$0" && exec "$@"', folder, ...command], { timeoutMs })
  const defines = question.defines.map((define) => `-D${define}`)
  try {
    await commandRunner.run('cp', [model, folder])
    await succeeded(inFolder('spin', '-a', ...defines, basename(model)))
    const kind = question.property === 'laws' ? ['-DSAFETY', '-DNOCLAIM'] : ['-DNFAIR=3']
    const options = ['-O1', '-DCOLLAPSE', `-DMEMLIM=${memoryMiB}`, ...kind]
    await succeeded(inFolder('gcc', ...options, '-o', 'pan', 'pan.c'))
    const search = question.property === 'laws' ? [] : ['-a', '-f']
    const { stdout } = await inFolder('./pan', `-m${depthMax}`, '-w22', ...search)
    const finding = readFinding(stdout)
    if (finding.verdict !== 'fails') return { ...finding, broken: '' }
    if (question.property === 'settles') return { ...finding, broken: 'settles' }
    const trail = await inFolder('spin', '-t', ...defines, basename(model))
    return { ...finding, broken: /BROKEN (\w+)/.exec(trail.stdout)?.[1] ?? 'unknown' }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function succeeded(
  result: Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>,
): Promise<void> {
  const { exitCode, stdout, stderr } = await result
  if (exitCode !== 0) throw new Error(`${stdout}\n${stderr}`.trim())
}

/** Reads the report of spin's program. A search that was cut short has shown nothing, unless it had found an error. */
export function readFinding(report: string): Finding {
  const states = Number(/^\s*(\d+) states, stored/m.exec(report)?.[1] ?? 0)
  const errors = Number(/errors: (\d+)/.exec(report)?.[1] ?? Number.NaN)
  const isViolation = /^pan:\d+: (assertion violated|acceptance cycle)/m.test(report)
  if (errors > 0 && isViolation) return { verdict: 'fails', states, unreached: [] }
  const isCutShort = /Search not completed|max search depth too small|MEMLIM|out of memory/.test(
    report,
  )
  if (errors !== 0 || states === 0 || isCutShort)
    return { verdict: 'incomplete', states, unreached: [] }
  return { verdict: 'holds', states, unreached: unreachedSteps(report) }
}

function unreachedSteps(report: string): string[] {
  const [, ...sections] = report.split(/^unreached in /m)
  return sections
    .filter((section) => section.startsWith('proctype ') && !section.startsWith('proctype laws'))
    .flatMap((section) => [...section.matchAll(/^\t(\S+:\d+), state \d+, "(.*)"$/gm)])
    .filter(([, , step]) => step !== '-end-')
    .map(([, place, step]) => `${place} ${step}`)
}
