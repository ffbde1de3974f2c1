import type { BlockEndpoint } from '../../ports/block-replicator.ts'
import type { SimulatedDevice } from './blocks.ts'
import {
  newMetadata,
  type ReplicatedDevice,
  type ReplicationMetadata,
} from './replicated-device.ts'
import { SecureLinkNetwork } from './secure-link-network.ts'

/** The links between simulated hosts, and the replicated disks that find each other over them. */
export class ReplicationNetwork {
  readonly links: SecureLinkNetwork
  readonly #devices = new Set<ReplicatedDevice>()
  readonly #cut = new Set<string>()
  readonly #metadata = new WeakMap<SimulatedDevice, ReplicationMetadata>()

  constructor(links: SecureLinkNetwork = new SecureLinkNetwork()) {
    this.links = links
  }

  metadataOn(device: SimulatedDevice): ReplicationMetadata {
    const metadata = this.#metadata.get(device) ?? newMetadata()
    this.#metadata.set(device, metadata)
    return metadata
  }

  add(device: ReplicatedDevice): void {
    this.#devices.add(device)
  }

  remove(device: ReplicatedDevice): void {
    device.wantsPeer = false
    this.settle()
    this.#devices.delete(device)
  }

  /** It no longer wants to meet its peer. Of a Primary and a Secondary the latter knows that it is outdated from now on. */
  part(device: ReplicatedDevice): void {
    const peer = device.connection?.peer
    for (const [one, other] of peer ? [[device, peer] as const, [peer, device] as const] : [])
      if (one.role === 'Secondary' && other.role === 'Primary') one.metadata.isOutdated = true
    device.wantsPeer = false
    this.settle()
    device.changed()
  }

  /** No more packets between these two addresses. */
  cut(one: string, other: string): void {
    this.#cut.add(linkOf(one, other))
    this.settle()
  }

  mend(one: string, other: string): void {
    this.#cut.delete(linkOf(one, other))
    this.settle()
  }

  /** Parts those who cannot or do not want to be connected, and joins those who can and want. */
  settle(): void {
    for (const device of this.#devices) {
      const peer = device.connection?.peer
      if (peer !== undefined && !this.#canMeet(device, peer)) part(device, peer)
    }
    for (const device of this.#devices) {
      const peer = [...this.#devices].find((each) => this.#canMeet(device, each))
      if (peer === undefined || device.connection !== null || peer.connection !== null) continue
      if (mayMeet(device, peer)) meet(device, peer)
      else giveUp(device, peer)
    }
  }

  #canMeet(one: ReplicatedDevice, other: ReplicatedDevice): boolean {
    const wire = this.links.wire(one.resource.local.address, other.resource.local.address)
    return (
      wire !== null &&
      one !== other &&
      one.wantsPeer &&
      other.wantsPeer &&
      isSame(one.resource.peer, other.resource.local) &&
      isSame(other.resource.peer, one.resource.local) &&
      !this.#cut.has(linkOf(...wire))
    )
  }
}

function part(one: ReplicatedDevice, other: ReplicatedDevice): void {
  one.connection = null
  other.connection = null
  one.changed()
  other.changed()
}

/** Strangers, and two who both know what the other does not, are for a person to judge. */
function mayMeet(one: ReplicatedDevice, other: ReplicatedDevice): boolean {
  if (one.resource.secret !== other.resource.secret) return false
  if (one.role === 'Primary' && other.role === 'Primary') return false
  const sides = [one.metadata, other.metadata]
  if (sides.some(({ hasHistory }) => !hasHistory)) return true
  if (one.metadata.lineage !== other.metadata.lineage) return false
  return !sides.every(({ isUpToDate, outOfSync }) => isUpToDate && outOfSync.size > 0)
}

function giveUp(one: ReplicatedDevice, other: ReplicatedDevice): void {
  for (const device of [one, other]) {
    device.wantsPeer = false
    device.changed()
  }
}

/** Whose data is the truth is told by what each knows of the past. */
function meet(one: ReplicatedDevice, other: ReplicatedDevice): void {
  one.connection = { peer: other, sync: null }
  other.connection = { peer: one, sync: null }
  const source = [one, other].find((each) => isTruth(each, each === one ? other : one))
  if (source !== undefined) return void copy(source, source === one ? other : one)
  if (one.metadata.isUpToDate && other.metadata.isUpToDate)
    for (const { metadata } of [one, other]) metadata.isOutdated = false
  one.changed()
}

function isTruth({ metadata }: ReplicatedDevice, other: ReplicatedDevice): boolean {
  if (!metadata.isUpToDate) return false
  return !other.metadata.isUpToDate || metadata.outOfSync.size > 0
}

async function copy(source: ReplicatedDevice, target: ReplicatedDevice): Promise<void> {
  const { connection } = source
  if (connection === null || target.connection === null) return
  if (!target.metadata.hasHistory)
    for (let sector = 0; sector * 512 < source.sizeBytes; sector += 1)
      source.metadata.outOfSync.add(sector)
  target.metadata.isUpToDate = false
  target.metadata.isOutdated = false
  target.metadata.hasHistory = true
  target.metadata.lineage = source.metadata.lineage
  connection.sync = 'source'
  target.connection.sync = 'target'
  source.changed()
  await source.sync(connection)
  if (source.connection !== connection) return
  connection.sync = null
  target.connection.sync = null
  target.metadata.isUpToDate = true
  target.metadata.outOfSync.clear()
  source.changed()
}

function isSame(one: BlockEndpoint, other: BlockEndpoint): boolean {
  return one.address === other.address && one.port === other.port
}

function linkOf(one: string, other: string): string {
  return [one, other].sort().join(' - ')
}
