import assert from 'node:assert/strict'
import type {
  BlockEndpoint,
  BlockReplicationState,
  BlockReplicator,
} from '../../src/ports/block-replicator.ts'
import type { Disposable } from './contract.ts'

/** One of the two hosts. */
export interface ReplicatorHost {
  readonly replicator: BlockReplicator
  /** A new disk, as large as the replicator wants it for `sizeBytes`, and a device for its metadata. */
  makeDisk(sizeBytes: number): Promise<{ readonly device: string; readonly metadataDevice: string }>
  /** One sector, past all caches. `write` resolves when acknowledged and rejects for an I/O error. */
  write(path: string, sector: number, text: string): Promise<void>
  read(path: string, sector: number): Promise<string>
  /** Opens the device for writing. Answers how to close it. */
  hold(path: string): Promise<() => Promise<void>>
}

export interface BlockReplicatorFixture extends Disposable {
  readonly hosts: readonly [ReplicatorHost, ReplicatorHost]
  /** A new name; `dispose` takes down what is left. */
  newName(): string
  /** How long a sync of a few MiB or a reconnection may take. */
  readonly deadlineMs: number
  cutLink(): Promise<void>
  mendLink(): Promise<void>
}

export const sizeBytes = 2 * 1024 * 1024

type State = BlockReplicationState | null

/** Resolves with the first state that fits. */
export async function untilState(
  host: ReplicatorHost,
  name: string,
  isWanted: (state: State) => boolean,
  deadlineMs: number,
): Promise<State> {
  let stop: (() => void) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let last: State = null
  try {
    return await new Promise<State>((resolve, reject) => {
      const late = () => reject(new Error(`${name} is ${JSON.stringify(last)}`))
      timer = setTimeout(late, deadlineMs)
      stop = host.replicator.watch(name, (state) => {
        last = state
        if (isWanted(state)) resolve(state)
      })
    })
  } finally {
    clearTimeout(timer)
    stop?.()
  }
}

export function presentState(host: ReplicatorHost, name: string): Promise<State> {
  return untilState(host, name, () => true, 10_000)
}

export const isSynced = (state: State): boolean =>
  state?.connection === 'Connected' &&
  state.replication === 'Established' &&
  state.disk === 'UpToDate' &&
  state.peerDisk === 'UpToDate'

export interface Replicated {
  readonly name: string
  readonly source: ReplicatorHost
  readonly target: ReplicatorHost
  /** The replicated device on each side, and the disk beneath it. */
  readonly sourceDevice: string
  readonly targetDevice: string
  readonly sourceDisk: string
  readonly targetDisk: string
}

/** Defined on both sides and not connected; the source is Primary, its data is the truth. */
export async function defined(
  fixture: BlockReplicatorFixture,
  prepare: (host: ReplicatorHost, disk: string) => Promise<void> = async () => {},
): Promise<Replicated> {
  const [source, target] = fixture.hosts
  const name = fixture.newName()
  const ends = [await source.replicator.reserve(name), await target.replicator.reserve(name)]
  const [local, peer] = ends as [BlockEndpoint, BlockEndpoint]
  const sourceDisk = await source.makeDisk(sizeBytes)
  const targetDisk = await target.makeDisk(sizeBytes)
  await prepare(source, sourceDisk.device)
  const secret = '0123456789abcdef0123456789abcdef'
  const common = { name, sizeBytes, secret, discardsReadAsZeroes: false }
  await source.replicator.define({ ...common, ...sourceDisk, local, peer })
  await target.replicator.define({ ...common, ...targetDisk, local: peer, peer: local })
  await source.replicator.promote(name, { firstTime: true })
  return {
    ...{ name, source, target },
    sourceDevice: await source.replicator.devicePath(name),
    targetDevice: await target.replicator.devicePath(name),
    sourceDisk: sourceDisk.device,
    targetDisk: targetDisk.device,
  }
}

/** Both sides connected and in sync. */
export async function replicated(fixture: BlockReplicatorFixture): Promise<Replicated> {
  const pair = await defined(fixture)
  await pair.target.replicator.connect(pair.name)
  await pair.source.replicator.connect(pair.name)
  await bothSynced(fixture, pair)
  return pair
}

export async function bothSynced(fixture: BlockReplicatorFixture, pair: Replicated): Promise<void> {
  for (const host of [pair.source, pair.target])
    assert.ok(isSynced(await untilState(host, pair.name, isSynced, fixture.deadlineMs)))
}
