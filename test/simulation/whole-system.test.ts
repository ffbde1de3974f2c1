import { describe, expect, it } from 'vitest'
import { type CrashKind, cleanScenarios, crashPointsOf, parseCrashPoint } from './crash-points.ts'
import { mutations } from './mutations.ts'
import { randomScenario } from './random-scenario.ts'
import { runScenario } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import type { Mutation } from './whole-host.ts'

/** A part of what `npm run simulate` does; its exit code is the whole answer. */
const seeds = 200
const seedsPerTest = 50
const mutationSeedsMax = 300
const timeoutMs = 240_000

/** How to see it again, and what was wrong. */
async function problemOf(scenario: Scenario, replay: string): Promise<readonly string[]> {
  const { violations } = await runScenario(scenario)
  return violations.map((violation) => `npm run simulate -- ${replay}: ${violation}`)
}

describe('two whole sides', () => {
  it.each(cleanScenarios().map((scenario) => [scenario.disks, scenario] as const))(
    'migrate a VM with %s disks when nothing goes wrong',
    async (_disks, scenario) => {
      const outcome = await runScenario(scenario)
      expect(outcome).toMatchObject({ violations: [], runsAt: 'two', loss: null })
      expect(new Set(outcome.points).size).toBe(4)
    },
  )

  it('do the same again for the same seed, and something else for another', async () => {
    const [first, again, other] = [
      await runScenario(randomScenario('7')),
      await runScenario(randomScenario('7')),
      await runScenario(randomScenario('8')),
    ]
    expect(again).toEqual(first)
    expect(other.fingerprint).not.toBe(first.fingerprint)
  })
})

/** A disk of each kind alone; `npm run simulate` has the mixture, more losses of power and both times of restart. */
const crashes = [
  ...cleanScenarios(['replicated', 'shared']).map((clean) => ({
    clean,
    what: 'crash-daemon' as const,
  })),
  ...cleanScenarios(['replicated'])
    .filter(({ style }) => style === 'late')
    .map((clean) => ({ clean, what: 'lose-power' as const })),
]

describe('at every point of a migration', () => {
  it.each(crashes)(
    '$what with $clean.disks disks, pausing $clean.style',
    async ({ clean, what }) => {
      const points = await crashPointsOf(clean, what, restartMs[what])
      expect(points.length).toBeGreaterThan(200)
      const problems: string[] = []
      for (const { name, scenario } of points)
        problems.push(...(await problemOf(scenario, `--crash-point ${name}`)))
      expect(problems).toEqual([])
    },
    timeoutMs,
  )

  it('nothing that a boot could start is given back before the paused copy has gone, though the time of a replica is over', async () => {
    const during = ['xapi-two/145/700', 'sm-one/178/25000', 'xapi-one/158/25000']
    for (const point of during) {
      const name = `early+every-write/mixed/crash-daemon/${point}`
      expect(await problemOf(parseCrashPoint(name).scenario, `--crash-point ${name}`)).toEqual([])
    }
  })

  it('a name leads back to its crash point', async () => {
    const [clean] = cleanScenarios()
    const points = clean ? await crashPointsOf(clean, 'lose-power', 700) : []
    expect(points.map(({ name }) => parseCrashPoint(name))).toEqual(points)
  })
})

const restartMs: Readonly<Record<CrashKind, number>> = { 'crash-daemon': 700, 'lose-power': 25_000 }

describe('with seeds for everything that can go wrong', () => {
  it.each(Array.from({ length: seeds / seedsPerTest }, (_, index) => 1 + index * seedsPerTest))(
    `%i and the next ${seedsPerTest}`,
    async (first) => {
      const problems: string[] = []
      for (let seed = first; seed < first + seedsPerTest; seed += 1)
        problems.push(...(await problemOf(randomScenario(String(seed)), `--seed ${seed}`)))
      expect(problems).toEqual([])
    },
    timeoutMs,
  )
})

/** What the first seed that finds it says; null when none does. */
async function whatFinds(mutation: Mutation): Promise<string | null> {
  for (let seed = 1; seed <= mutationSeedsMax; seed += 1) {
    const { violations } = await runScenario(randomScenario(`mutation-${seed}`), mutation)
    if (violations[0]) return violations[0]
  }
  return null
}

describe('a wrong behaviour is found', () => {
  it.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
    '%s',
    async (name, mutation) => {
      expect(await whatFinds(mutation)).toMatch(expected[name] ?? /never/)
    },
    timeoutMs,
  )
})

const expected: Readonly<Record<string, RegExp>> = {
  'promote before release': /both sides of mirror .* are writable/,
  'resume on a timeout':
    /without a durable refusal|the migration is undoing at release; the receiver is running|the shared disk is still writable at one/,
  'release recorded after the answer': /was not durably released/,
  'refusal not durable': /without a durable refusal|the receiver is/,
  'a released disk is found at boot': /could start a VM that it has released/,
  'late writes are not held back': /the guest sees at one: I\/O error/,
}
