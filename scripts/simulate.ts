/**
 * Simulates migrations with all that can go wrong, two whole sides in one process: a crash at every
 * point of a migration, of one back onto a kept replica, and of one after a copy beforehand; then as many
 * seeds as are wanted. Exit code 0 only if every law held.
 *
 *   npm run simulate -- --seeds 10000
 *   npm run simulate -- --seed 605                   that seed alone, with its trace
 *   npm run simulate -- --crash-point NAME           that crash point alone, with its trace
 *   npm run simulate -- --seeds 500 --crash-points none
 */
import { parseArgs } from 'node:util'
import {
  cleanJourneys,
  cleanScenarios,
  crashPointsOf,
  parseCrashPoint,
  restartsMs,
} from '../test/simulation/crash-points.ts'
import { randomScenario } from '../test/simulation/random-scenario.ts'
import { type Outcome, runScenario } from '../test/simulation/run-scenario.ts'
import type { Scenario } from '../test/simulation/scenario.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    'first-seed': { type: 'string', default: '1' },
    'crash-points': { type: 'string', default: 'all' },
    seed: { type: 'string' },
    'crash-point': { type: 'string' },
  },
})

const interleavings = new Set<number>()
const ends = new Map<string, number>()
const ofJourneys = { back: 0, copied: 0 }
let [runs, failures] = [0, 0]

async function run(scenario: Scenario, replay: string): Promise<Outcome> {
  const outcome = await runScenario(scenario)
  runs += 1
  interleavings.add(outcome.fingerprint)
  const end = describeEnd(outcome)
  ends.set(end, (ends.get(end) ?? 0) + 1)
  if (outcome.violations.length) {
    failures += 1
    console.log(outcome.trace.join('\n'))
    console.log(JSON.stringify(scenario))
    for (const violation of outcome.violations) console.log(`VIOLATION: ${violation}`)
    console.log(`Replay it: npm run simulate -- ${replay}\n`)
  }
  if (runs % 1000 === 0) console.log(`${runs} runs, ${failures} with violations`)
  return outcome
}

function describeEnd({ runsAt, source, loss, isUndecided }: Outcome): string {
  if (runsAt) return `runs at ${runsAt === source ? 'source' : 'destination'}`
  return `nowhere: ${loss}${isUndecided ? '; an administrator must decide' : ''}`
}

async function runCrashPoints(): Promise<number> {
  if (values['crash-points'] === 'none') return 0
  let count = 0
  for (const clean of [...cleanScenarios(), ...cleanJourneys()]) {
    for (const what of ['crash-daemon', 'lose-power'] as const) {
      for (const forMs of restartsMs) {
        const points = await crashPointsOf(clean, what, forMs)
        for (const { name, scenario } of points) await run(scenario, `--crash-point ${name}`)
        count += points.length
        if (clean.journey) ofJourneys[clean.journey] += points.length
      }
    }
  }
  return count
}

async function replay(scenario: Scenario, how: string): Promise<void> {
  const outcome = await run(scenario, how)
  if (outcome.violations.length === 0) console.log(outcome.trace.join('\n'))
  console.log(describeEnd(outcome))
}

let [seeds, crashPoints, seedsOfJourneys] = [0, 0, 0]
if (values.seed !== undefined) {
  seeds = 1
  await replay(randomScenario(values.seed), `--seed ${values.seed}`)
} else if (values['crash-point'] !== undefined) {
  crashPoints = 1
  const { name, scenario } = parseCrashPoint(values['crash-point'])
  await replay(scenario, `--crash-point ${name}`)
} else {
  crashPoints = await runCrashPoints()
  const first = Number(values['first-seed'])
  for (; seeds < Number(values.seeds); seeds += 1) {
    const seed = String(first + seeds)
    const scenario = randomScenario(seed)
    if (scenario.journey) seedsOfJourneys += 1
    await run(scenario, `--seed ${seed}`)
  }
}
for (const [end, count] of [...ends].sort()) console.log(`${String(count).padStart(7)}  ${end}`)
console.log(
  `onto replicas: ${ofJourneys.back} crash points of a way back, ${ofJourneys.copied} after a copy beforehand, ${seedsOfJourneys} seeds`,
)
console.log(
  `${seeds} seeds, ${crashPoints} crash points, ${interleavings.size} distinct interleavings, ${failures} with violations`,
)
process.exitCode = failures === 0 && runs > 0 ? 0 : 1
