import { bytes } from '../../lib/quantities.ts'
import type { KnownInventory } from '../../model/inventory.ts'
import type { DroppedReplica, Replica } from '../../model/replica.ts'
import type { Vdi } from '../../model/vdi.ts'
import { refreshText } from './kept.ts'
import { allOf, type Located, placeName, srName } from './landscape.ts'
import { roughly } from './times.ts'
import type { Tone } from './tones.ts'

/** One of the two volumes: the VM's disk, or the replica of it. */
export interface EndView {
  readonly place: string
  readonly isHere: boolean
  /** Null: its host does not tell. */
  readonly vdi: Pick<Vdi, 'name' | 'managed' | 'allocatedBytes'> | null
  readonly sr: string | null
  /** Why nothing is known of it. */
  readonly silence: 'does not answer' | 'not known here' | 'under way' | 'has ended it' | null
}

/** A disk and its replica, of what both hosts tell. */
export interface ReplicaView {
  /** As this host tells it, or, where it has neither, as another one does. */
  readonly replica: Replica
  /** What this host has; it drops only what is its own. */
  readonly here: Replica['here'] | null
  readonly vmName: string
  readonly disk: EndView
  readonly copy: EndView
  readonly state: { readonly tone: Tone; readonly text: string; readonly reason: string | null }
  readonly lack: { readonly text: string; readonly since: string | null }
  /** Null: only when somebody asks. */
  readonly refresh: ReturnType<typeof refreshText> | null
}

/** By the name of the VM; each pair once, though two hosts tell of it. */
export function replicasOf(
  inventories: readonly KnownInventory[],
  nowMs: number,
): readonly ReplicaView[] {
  const all = allOf(inventories, 'replicas')
  const ids = [...new Set(all.map(({ it }) => it.id))]
  return ids
    .flatMap(
      (id) =>
        viewOf(
          inventories,
          all.filter(({ it }) => it.id === id),
          nowMs,
        ) ?? [],
    )
    .sort(
      (a, b) => a.vmName.localeCompare(b.vmName) || a.replica.slot.localeCompare(b.replica.slot),
    )
}

function viewOf(
  inventories: readonly KnownInventory[],
  told: readonly Located<Replica>[],
  nowMs: number,
): ReplicaView | null {
  // This host's inventory is the first.
  const [first] = told
  if (!first) return null
  const disk = told.find(({ it }) => it.here === 'disk')
  const copy = told.find(({ it }) => it.here === 'replica')
  const replica = first.it
  const vm = allOf(inventories, 'vms').find(({ it }) => it.id === replica.vm)
  const ends = {
    disk: endOf(inventories, disk, copy?.it),
    copy: endOf(inventories, copy, disk?.it),
  }
  const refresh = told.find(({ it }) => it.refresh !== null)?.it.refresh
  const vmName = vm?.it.name ?? told.find(({ it }) => it.vmName !== null)?.it.vmName
  return {
    ...{ replica, vmName: vmName ?? replica.vm },
    here: first.at === inventories[0] ? replica.here : null,
    ...ends,
    state: endedOf(ends) ?? stateOf((disk ?? first).it),
    lack: endedOf(ends) ? unknown : lackOf(disk?.it, (disk ?? first).it, nowMs),
    refresh: refresh ? refreshText(refresh, nowMs) : null,
  }
}

const unknown = { text: 'not known', since: null }

/** A host that was started anew has ended its side by itself: the other one may not know yet. */
function endedOf({ disk, copy }: Pick<ReplicaView, 'disk' | 'copy'>): ReplicaView['state'] | null {
  const ended = { tone: 'warn', text: 'ended there' } as const
  if (copy.silence === 'has ended it') return { ...ended, reason: 'there is no copy any more' }
  if (disk.silence === 'has ended it') return { ...ended, reason: 'the next copy is of all of it' }
  return null
}

function endOf(
  inventories: readonly KnownInventory[],
  told: Located<Replica> | undefined,
  counterpart: Replica | undefined,
): EndView {
  if (!told) {
    const place = counterpart?.other ?? ''
    const at = inventories.find((known) => placeName(known) === place)
    const isHere = at !== undefined && at === inventories[0]
    return { place, isHere, vdi: null, sr: null, silence: silenceOf(at, counterpart?.id) }
  }
  const { at, it } = told
  const found = at.inventory?.vdis.find(({ id }) => id === it.vdi)
  return {
    ...{ place: placeName(at), isHere: at === inventories[0], vdi: found ?? null },
    sr: it.sr === null ? null : srName(at, it.sr),
    silence: null,
  }
}

function silenceOf(at: KnownInventory | undefined, id: string | undefined): EndView['silence'] {
  if (!at) return 'not known here'
  if (!at.inventory) return 'does not answer'
  const isMirrored = at.inventory.replications.some((replication) => replication.id === id)
  return isMirrored ? 'under way' : 'has ended it'
}

function stateOf({ state, mode, isWhole, reason }: Replica): ReplicaView['state'] {
  if (state === 'synced') return { tone: 'good', text: 'in step', reason: null }
  if (state === 'syncing')
    return { tone: 'busy', text: 'catches up', reason: 'of no use until it has' }
  if (state === 'paused') return { tone: 'good', text: 'at rest', reason: null }
  const isHalf = mode === 'every-write' && !isWhole
  const why = [reason, isHalf ? 'not known to be whole' : null].filter((text) => text !== null)
  const tone = state === 'failed' ? 'bad' : 'warn'
  return { tone, text: state, reason: why.join('; ') || null }
}

/** Only where the disk is it is known what is written; and at both while the replica catches up. */
function lackOf(
  disk: Replica | undefined,
  { lackingSinceMs, state, differingBytes, mode }: Replica,
  nowMs: number,
): ReplicaView['lack'] {
  if (lackingSinceMs === null) return { text: 'nothing', since: null }
  const isKnown = disk !== undefined || state === 'syncing'
  const ago = `${roughly(nowMs - lackingSinceMs)} ago`
  return {
    text: isKnown ? bytes(differingBytes) : 'not known',
    since: mode === 'difference' ? `as it was ${ago}` : `in step ${ago}`,
  }
}

/** What dropping it here would do. */
export function dropConsequences(view: ReplicaView): readonly string[] {
  const { here, vmName, disk, copy, replica } = view
  const other = here === 'disk' ? copy : disk
  const isEveryWrite = replica.mode === 'every-write'
  const isSilent = other.silence === 'does not answer' || other.silence === 'not known here'
  return [
    whatBecomesOf(copy),
    `${vmName} and its disk at ${disk.place} stay as they are. Going to ${copy.place} afterwards copies all of the disk: ${bytes(replica.sizeBytes)}.`,
    ...(isSilent
      ? [
          `${other.place} does not answer, so it is not told: drop it there, too, or it ends there at its time.`,
        ]
      : []),
    ...(isSilent && isEveryWrite && here === 'disk' ? [wordOf(vmName, other.place)] : []),
    ...(isSilent && isEveryWrite && here === 'replica'
      ? [
          `If ${other.place} is lost, this is what is left of the disk: ${vmName} cannot be given to this host any more (crosspool recover).`,
        ]
      : []),
  ]
}

/** Of a VM that its replica's host may have been given, and that may be started once it is dropped. */
export function wordOf(vmName: string, place: string): string {
  return `${vmName} may have been given to ${place}, which keeps a replica with every write. Dropping it is your word that nobody else has ${vmName}: it can then be started here without that host being asked. If it runs there, too, it runs twice.`
}

/** What is left to do after a drop; empty: nothing. */
export function toldText(dropped: readonly DroppedReplica[]): string {
  const untold = new Set(dropped.flatMap(({ other, isToldThere }) => (isToldThere ? [] : [other])))
  return [...untold]
    .map((other) => `Dropped here; ${other} does not answer: drop it there, too.`)
    .join(' ')
}

function whatBecomesOf({ place, vdi, silence }: EndView): string {
  if (silence === 'has ended it') return `The copy at ${place} has ended already.`
  if (!vdi)
    return `The copy at ${place} goes; where it lies on a volume that was there before, that is given back.`
  return vdi.managed
    ? `The copy ${vdi.name} at ${place} is deleted; ${bytes(vdi.allocatedBytes)} become free.`
    : `The copy at ${place} ends. ${vdi.name} was there before Crosspool: it is given back to you with what is on it.`
}
