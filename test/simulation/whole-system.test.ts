import { describe, expect, it } from 'vitest'
import {
  type CrashKind,
  type CrashPoint,
  cleanJourneys,
  cleanScenarios,
  crashPointsOf,
  parseCrashPoint,
  restartsMs,
} from './crash-points.ts'
import { journeyMutations, mutations } from './mutations.ts'
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

describe('two whole sides, one of them with replicas', () => {
  it.each(
    cleanJourneys().map((scenario) => [scenario.keepReplica, scenario.journey, scenario] as const),
  )('migrate onto replicas of %s: %s', async (_mode, journey, scenario) => {
    const outcome = await runScenario(scenario)
    const runsAt = journey === 'back' ? 'one' : 'two'
    expect(outcome).toMatchObject({ violations: [], runsAt, loss: null })
    // Those that the replicas are on, and no others.
    const made = outcome.trace.filter((event) => event.endsWith('volumes.create'))
    expect(made).toHaveLength(2)
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

  it.each(cleanJourneys())(
    'that goes on from a replica: $journey, $keepReplica',
    async (clean) => {
      const problems: string[] = []
      for (const what of ['crash-daemon', 'lose-power'] as const)
        for (const forMs of restartsMs)
          for (const { name, scenario } of everyNth(await crashPointsOf(clean, what, forMs), 30))
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

  it('what is given back when the time of a replica is over is not held for a VM that was on its way back', async () => {
    for (const point of ['385', '386', '387']) {
      const name = `early+difference+back/mixed/lose-power/sm-one/${point}/25000`
      expect(await problemOf(parseCrashPoint(name).scenario, `--crash-point ${name}`)).toEqual([])
    }
  })

  it('a name leads back to its crash point', async () => {
    for (const clean of [...cleanScenarios().slice(0, 1), ...cleanJourneys()]) {
      const points = await crashPointsOf(clean, 'lose-power', 700)
      expect(points.length).toBeGreaterThan(200)
      expect(points.map(({ name }) => parseCrashPoint(name))).toEqual(points)
    }
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

/** What the first scenario that finds it says; null when none does. */
async function whatFinds(
  mutation: Mutation,
  scenarios: Iterable<Scenario>,
): Promise<string | null> {
  for (const scenario of scenarios) {
    const { violations } = await runScenario(scenario, mutation)
    if (violations[0]) return violations[0]
  }
  return null
}

function* mutationSeeds(): Iterable<Scenario> {
  for (let seed = 1; seed <= mutationSeedsMax; seed += 1) yield randomScenario(`mutation-${seed}`)
}

describe('a wrong behaviour is found', () => {
  it.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
    '%s',
    async (name, mutation) => {
      expect(await whatFinds(mutation, mutationSeeds())).toMatch(expected[name] ?? /never/)
    },
    timeoutMs,
  )

  it.each(journeyMutations.map((mutation) => [mutation.name, mutation] as const))(
    '%s, and by no migration that goes on from nothing',
    async (name, mutation) => {
      const back = cleanJourneys().filter(({ journey }) => journey === 'back')
      const crashes = await lossesOfPower(back, 'xapi-one')
      const found = await whatFinds(mutation, [...back, ...crashes])
      expect(found).toMatch(expected[name] ?? /never/)
      const once = cleanScenarios().filter(({ keepReplica }) => keepReplica)
      const without = [...once, ...(await lossesOfPower(once, 'xapi-two'))]
      expect(await whatFinds(mutation, without)).toBeNull()
    },
    timeoutMs,
  )
})

/** Of the destination, from the handover on, until its replica's time is over. */
async function lossesOfPower(
  clean: readonly Scenario[],
  daemon: string,
): Promise<readonly Scenario[]> {
  const points = await Promise.all(
    clean.map((scenario) => crashPointsOf(scenario, 'lose-power', restartMs['lose-power'])),
  )
  const own = points.map((some) => some.filter(({ name }) => name.includes(`/${daemon}/`)))
  return own
    .flatMap((some) => everyNth(some.slice(some.length / 2), 4))
    .map(({ scenario }) => scenario)
}

/** A part of them, from everywhere. */
function everyNth(points: readonly CrashPoint[], nth: number): readonly CrashPoint[] {
  return points.filter((_, index) => index % nth === 0)
}

const expected: Readonly<Record<string, RegExp>> = {
  'promote before release': /both sides of mirror .* are writable/,
  'resume on a timeout':
    /without a durable refusal|the migration is undoing at release; the receiver is running|the shared disk is still writable at one/,
  'release recorded after the answer': /was not durably released/,
  'refusal not durable': /without a durable refusal|the receiver is/,
  'a released disk is found at boot': /could start a VM that it has released/,
  'what differs from a replica is forgotten': /is lost at one|the guest reads/,
  'a replica ends although it has been handed over': /flushed record .* is lost/,
  'late writes are not held back': /the guest sees at one: I\/O error/,
}
