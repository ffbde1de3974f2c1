import type { KnownInventory } from '../../model/inventory.ts'
import type { MigrateRequest } from '../../model/migration.ts'
import type { Sr } from '../../model/sr.ts'
import { placeName } from './landscape.ts'

const hourMs = 3_600_000

/** What has been chosen in the dialog. An empty text leaves the choice to the destination. */
export interface MigrateChoices {
  readonly destination: string
  /** By slot of the disk. */
  readonly srs: Readonly<Record<string, string>>
  /** By MAC of the interface. */
  readonly networks: Readonly<Record<string, string>>
  readonly keepSourceDisks: boolean
  readonly replicaHours: string
  readonly verify: boolean
  readonly patienceMinutes: string
  readonly downtimeLimitMs: string
  readonly autoConverge: boolean
}

export function firstChoices(destinations: readonly KnownInventory[]): MigrateChoices {
  const first = destinations.find(({ inventory }) => inventory !== null)
  return {
    destination: first ? placeName(first) : '',
    ...{ srs: {}, networks: {}, keepSourceDisks: false, replicaHours: '', verify: false },
    ...{ patienceMinutes: '', downtimeLimitMs: '', autoConverge: false },
  }
}

export function requestOf(choices: MigrateChoices): MigrateRequest {
  const downtimeLimitMs = positiveNumber(choices.downtimeLimitMs)
  const patienceMinutes = positiveNumber(choices.patienceMinutes)
  const replicaHours = positiveNumber(choices.replicaHours)
  const memory = {
    ...(downtimeLimitMs === null ? {} : { downtimeLimitMs: Math.round(downtimeLimitMs) }),
    ...(choices.autoConverge ? { autoConverge: true } : {}),
  }
  return {
    destination: choices.destination,
    srMap: chosen(choices.srs),
    networkMap: chosen(choices.networks),
    keepSourceDisks: choices.keepSourceDisks,
    ...(replicaHours === null ? {} : { keepReplica: { forMs: Math.round(replicaHours * hourMs) } }),
    ...(choices.verify ? { verify: true } : {}),
    ...(patienceMinutes === null ? {} : { patienceMs: Math.round(patienceMinutes * 60_000) }),
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
  }
}

/** SRs that could take in a disk. A shared one may be where the disk already is. */
export function usableSrs(destination: KnownInventory | undefined): readonly Sr[] {
  return (destination?.inventory?.srs ?? []).filter(({ canCreate, shared }) => canCreate || shared)
}

function chosen(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== ''))
}

function positiveNumber(text: string): number | null {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) && value > 0 ? value : null
}
