import { runScenario } from './run-scenario.ts'
import {
  type DiskKind,
  diskKinds,
  type EventKind,
  goodNetwork,
  journeys,
  keepModes,
  type PausingStyle,
  pausingStyles,
  type Scenario,
} from './scenario.ts'

export type CrashKind = Extract<EventKind, 'crash-daemon' | 'lose-power'>

/** Started anew before anybody notices, and after the heartbeat's deadline. */
export const restartsMs = [700, 25_000] as const

/** One crash in an otherwise clean migration. Its name says all of it. */
export interface CrashPoint {
  readonly name: string
  readonly scenario: Scenario
}

/** A clean migration of each kind. */
export function cleanScenarios(kinds: readonly DiskKind[] = diskKinds): readonly Scenario[] {
  const plain = pausingStyles.flatMap((style) => kinds.map((disks) => cleanScenario(style, disks)))
  if (!kinds.includes('mixed')) return plain
  const keeping = keepModes.map((mode) => ({
    ...cleanScenario('early', 'mixed'),
    keepReplica: mode,
  }))
  return [...plain, ...keeping]
}

function cleanScenario(style: PausingStyle, disks: DiskKind): Scenario {
  return { seed: 'every-crash', style, disks, events: [], network: goodNetwork }
}

/** Clean migrations back onto the replica that was left behind, and onto disks that were copied beforehand. */
export function cleanJourneys(): readonly Scenario[] {
  return journeys.flatMap((journey) =>
    keepModes.map((keepReplica) => ({ ...cleanScenario('early', 'mixed'), keepReplica, journey })),
  )
}

/**
 * Every point of every daemon of a clean migration, not of what comes before it: there is one before and one
 * after each call of a port.
 */
export async function crashPointsOf(
  clean: Scenario,
  what: CrashKind,
  forMs: number,
): Promise<readonly CrashPoint[]> {
  const { points, setsOutAtPoint } = await runScenario(clean)
  const counts = new Map<string, number>()
  const all = points.map((daemon) => {
    const atPoint = (counts.get(daemon) ?? 0) + 1
    counts.set(daemon, atPoint)
    return crashPoint(clean, { atPoint, daemon, what, forMs })
  })
  return all.slice(setsOutAtPoint ?? 0)
}

function crashPoint(clean: Scenario, event: Scenario['events'][number]): CrashPoint {
  const { what, daemon, atPoint, forMs } = event
  const { style: pausing, keepReplica, journey } = clean
  const style = [pausing, keepReplica, journey].filter((part) => part !== undefined).join('+')
  const name = [style, clean.disks, what, daemon, atPoint, forMs].join('/')
  return { name, scenario: { ...clean, events: [event] } }
}

/** The crash point of this name. @throws where the name means nothing */
export function parseCrashPoint(name: string): CrashPoint {
  const [styles = '', disks, what, daemon, atPoint, forMs] = name.split('/')
  const [wantedStyle, wantedMode, wantedJourney] = styles.split('+')
  const keepReplica = keepModes.find((mode) => mode === wantedMode)
  const kind = diskKinds.find((candidate) => candidate === disks)
  const crash = (['crash-daemon', 'lose-power'] as const).find((candidate) => candidate === what)
  const style = pausingStyles.find((candidate) => candidate === wantedStyle)
  if (!style || !kind || !crash || !daemon || !atPoint || !forMs)
    throw new Error(`what is ${name}?`)
  const event = { atPoint: Number(atPoint), daemon, what: crash, forMs: Number(forMs) }
  const journey = journeys.find((candidate) => candidate === wantedJourney)
  const before = { ...(keepReplica ? { keepReplica } : {}), ...(journey ? { journey } : {}) }
  return crashPoint({ ...cleanScenario(style, kind), ...before }, event)
}
