import type { KnownInventory } from '../../model/inventory.ts'
import type { MigrateRequest } from '../../model/migration.ts'
import type { ReplicaWish } from '../../model/replica.ts'
import type { KeepMode } from '../../model/replication.ts'
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
  /** For how long replicas are kept; empty: until they are dropped, and of a migration that none are. */
  readonly replicaHours: string
  readonly replicaMode: KeepMode | ''
  readonly verify: boolean
  readonly patienceMinutes: string
  readonly downtimeLimitMs: string
  readonly autoConverge: boolean
  readonly compressMemory: boolean
}

export function firstChoices(destinations: readonly KnownInventory[]): MigrateChoices {
  const first = destinations.find(({ inventory }) => inventory !== null)
  return {
    destination: first ? placeName(first) : '',
    ...{ srs: {}, networks: {}, keepSourceDisks: false, replicaHours: '', replicaMode: '' },
    ...{ verify: false, patienceMinutes: '', downtimeLimitMs: '' },
    ...{ autoConverge: false, compressMemory: false },
  }
}

/** Seven days, as `crosspool replicate` keeps them unless told. */
export const replicaHoursFirst = '168'

/** How long replicas may be kept, as the hours that are chosen. */
export const replicaTimes: readonly { readonly hours: string; readonly text: string }[] = [
  { hours: '2', text: '2 hours' },
  { hours: '24', text: '1 day' },
  { hours: replicaHoursFirst, text: '7 days' },
  { hours: '720', text: '30 days' },
  { hours: '2160', text: '90 days' },
  { hours: '', text: 'until they are dropped' },
]

/** What both hosts can do; where one is not known, nothing. */
export function commonKeepModes(
  one: KnownInventory | undefined,
  other: KnownInventory | undefined,
): readonly KeepMode[] {
  const there = other?.inventory?.host.keepModes ?? []
  return (one?.inventory?.host.keepModes ?? []).filter((mode) => there.includes(mode))
}

/** Of a VM that stays where it is. */
export function replicateRequestOf(choices: MigrateChoices): MigrateRequest {
  const { replicaHours, replicaMode } = choices
  const { destination, srMap, networkMap, keepSourceDisks } = requestOf(choices)
  const keepReplica = wishOf(positiveNumber(replicaHours), replicaMode)
  return { destination, srMap, networkMap, keepSourceDisks, keepReplica }
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
    ...(replicaHours === null ? {} : { keepReplica: wishOf(replicaHours, choices.replicaMode) }),
    ...(choices.verify ? { verify: true } : {}),
    ...(choices.compressMemory ? { compressMemory: true } : {}),
    ...(patienceMinutes === null ? {} : { patienceMs: Math.round(patienceMinutes * 60_000) }),
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
  }
}

/** SRs that could take in a disk. A shared one may be where the disk already is. */
export function usableSrs(destination: KnownInventory | undefined): readonly Sr[] {
  return (destination?.inventory?.srs ?? []).filter(({ canCreate, shared }) => canCreate || shared)
}

function wishOf(hours: number | null, mode: KeepMode | ''): ReplicaWish {
  const forMs = hours === null ? null : Math.round(hours * hourMs)
  return { forMs, ...(mode === '' ? {} : { mode }) }
}

function chosen(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== ''))
}

function positiveNumber(text: string): number | null {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) && value > 0 ? value : null
}
