import {
  type DiskKind,
  diskKinds,
  type EventKind,
  goodNetwork,
  type Journey,
  journeys,
  keepModes,
  type NetworkQuality,
  type PlannedEvent,
  pausingStyles,
  type Scenario,
} from './scenario.ts'
import { createSeededRandom, type SeededRandom } from './seeded-random.ts'

/** About as many points as a clean migration has, and where the handover begins among them. */
const pointsOfMigration: Readonly<Record<DiskKind, number>> = {
  ...{ replicated: 400, shared: 320, mixed: 680 },
}
const handoverFrom = 0.6
/** Those of what comes before it, as a part of these. */
const pointsBefore: Readonly<Record<Journey, number>> = { back: 1.2, copied: 0.9 }
const eventsMax = 4

const kinds: readonly [EventKind, ...EventKind[]] = [
  ...(['crash-daemon', 'crash-daemon', 'crash-daemon', 'crash-daemon'] as const),
  ...(['cut-link', 'cut-link', 'lose-power', 'cancel', 'cancel'] as const),
  ...(['guest-shutdown', 'guest-crash', 'guest-reboot', 'send-fails', 'receive-fails'] as const),
  ...(['finish-fails', 'start-refused', 'start-uncertain'] as const),
  ...(['resume-fails', 'forget-fails'] as const),
]

/** Everything that one seed decides, but for who goes on next: that is decided on the way. */
export function randomScenario(seed: string): Scenario {
  const random = createSeededRandom(seed).fork('scenario')
  const disks = random.pick(diskKinds)
  const keeping = createSeededRandom(seed).fork('replica')
  const migration: Scenario = {
    ...{ seed, disks },
    style: random.pick(pausingStyles),
    ...(keeping.chance(0.4) ? { keepReplica: keeping.pick(keepModes) } : {}),
    network: random.chance(0.5) ? goodNetwork : badNetwork(random),
    events: Array.from({ length: 1 + random.below(eventsMax) }, () => randomEvent(disks, random)),
  }
  const isJourney = migration.keepReplica && keeping.chance(0.6)
  return isJourney ? randomJourney(migration, keeping) : migration
}

/** What happens to the migration happens before it sets out, or, more often, on its way. */
function randomJourney(migration: Scenario, random: SeededRandom): Scenario {
  const journey = random.pick(journeys)
  const before = Math.round(pointsOfMigration[migration.disks] * pointsBefore[journey])
  const later = (event: PlannedEvent) => ({ ...event, atPoint: event.atPoint + before })
  return {
    ...{ ...migration, journey, keepsAgain: random.chance(0.3) },
    events: migration.events.map((event) => (random.chance(0.7) ? later(event) : event)),
  }
}

function badNetwork(random: SeededRandom): NetworkQuality {
  return {
    lost: random.fraction() * 0.06,
    delayed: random.fraction() * 0.1,
    repeated: random.fraction() * 0.06,
  }
}

/** Half of them strike while the VM changes hands, where most is at stake. */
function randomEvent(disks: DiskKind, random: SeededRandom): PlannedEvent {
  const points = pointsOfMigration[disks]
  const from = random.chance(0.5) ? Math.round(points * handoverFrom) : 1
  return {
    atPoint: from + random.below(points - from),
    daemon: null,
    what: random.pick(kinds),
    forMs: random.chance(0.6) ? random.below(3_000) : random.below(60_000),
  }
}
