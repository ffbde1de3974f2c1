/**
 * Checks the model of the handover, verification/handover.pml: that its laws hold whatever fails and
 * whenever, and that each change which would break them is noticed. Needs spin and gcc; one to two
 * minutes, about half a gigabyte.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemCommandRunner } from '../src/drivers/system/command-runner.ts'
import { askModelChecker, type Finding, type Question } from './model-checker.ts'

const model = join(resolve(import.meta.dirname, '..'), 'verification/handover.pml')

const end = ['FAULTS_END', 'ATTEMPTS=1']
const questions: readonly Question[] = [
  { name: 'the laws hold', property: 'laws', defines: [], expected: 'holds' },
  { name: 'the VM runs once in the end', property: 'settles', defines: end, expected: 'holds' },
  {
    name: 'WITHOUT_ADMINISTRATOR',
    property: 'settles',
    defines: [...end, 'WITHOUT_ADMINISTRATOR'],
    expected: 'fails',
  },
  ...mutations().map((name): Question => {
    return { name, property: 'laws', defines: [name], expected: 'fails' }
  }),
]

await checkTools()
let failures = 0
for (const question of questions) {
  const startedMs = performance.now()
  const finding = await askModelChecker(systemCommandRunner, model, question)
  // A law about a step that is never taken says nothing; only the whole model takes all of them.
  const idle = question.defines.length === 0 ? finding.unreached : []
  const isOk = finding.verdict === question.expected && idle.length === 0
  if (!isOk) failures += 1
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  const columns = [
    isOk ? 'ok    ' : 'FAILED',
    question.name.padEnd(30),
    describe(question, finding).padEnd(32),
    `${finding.states.toLocaleString('en').padStart(10)} states ${seconds.padStart(6)} s`,
  ]
  console.log(columns.join('  '))
  for (const step of idle) console.log(`        never reached: ${step}`)
}
console.log(`\n${questions.length - failures} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1

function describe(question: Question, finding: Finding & { readonly broken: string }): string {
  if (finding.verdict === 'incomplete') return 'not all states could be searched'
  if (finding.verdict === 'holds')
    return question.expected === 'holds' ? 'holds' : 'holds, and must not'
  return `${question.expected === 'fails' ? 'noticed' : 'broken'}: ${finding.broken}`
}

/** Found in the model, so that none is forgotten here. */
function mutations(): string[] {
  const found = readFileSync(model, 'utf8').matchAll(/^#ifdef (MUTATE_\w+)/gm)
  return [...new Set([...found].map(([, name = '']) => name))]
}

async function checkTools(): Promise<void> {
  for (const [tool, argument] of [
    ['spin', '-V'],
    ['gcc', '--version'],
  ] as const) {
    await systemCommandRunner.run(tool, [argument]).catch((cause: unknown) => {
      console.error(`${tool} is missing: run "sudo apt-get install spin gcc libc6-dev"`)
      throw cause
    })
  }
}
