import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type {
  Datapath,
  Disk,
  HandoverDisk,
  Mirror,
  MirrorStatus,
} from '../../src/ports/datapath.ts'
import type { Disposable } from './contract.ts'

/** One of the two hosts. */
export interface DatapathHost {
  /** The present one: `restart` makes it anew, as after a crash of the daemon. */
  readonly datapath: Datapath
  restart(): Promise<void>
  /** A disk of ours over a new volume. */
  makeDisk(sizeBytes: number): Promise<Disk>
  /** A volume of the administrator's that is a mapped device by itself. Null where none can be adopted. */
  readonly makeAdoptable:
    | ((sizeBytes: number) => Promise<{ readonly disk: Disk; readonly device: string }>)
    | null
  /** What the administrator's device leads to, in whatever words. */
  tableOf(device: string): Promise<string>
  /** One sector, past all caches. `write` resolves when acknowledged and rejects for an I/O error. */
  write(path: string, sector: number, text: string): Promise<void>
  read(path: string, sector: number): Promise<string>
  /** Its disks forget what was not flushed. Only where that can be tried. */
  readonly losePower?: () => void
  /** Opens the device for writing, as a VM's backend does. Answers how to close it. */
  hold(path: string): Promise<() => Promise<void>>
}

export interface DatapathFixture extends Disposable {
  readonly source: DatapathHost
  readonly target: DatapathHost
  newId(): string
  /** How long a sync or a reconnection may take. */
  readonly deadlineMs: number
  cutLink(): Promise<void>
  mendLink(): Promise<void>
  /** Long enough for an I/O to be done that nothing holds back. */
  pause(): Promise<void>
}

export const sizeBytes = 4 * 1024 * 1024
export const lastSector = sizeBytes / 512 - 1

/** A disk with the mirror that is beneath it on each side. */
export interface Mirrored {
  readonly sourceDisk: Disk
  readonly targetDisk: Disk
  readonly sourceMirror: Mirror
  readonly targetMirror: Mirror
  /** What the VM is given on each side. */
  readonly sourcePath: string
  readonly targetPath: string
}

/**
 * An active disk on both sides, and the mirror between them offered and not yet begun. `usedBefore`
 * gets the target's device before that.
 */
export async function offered(
  fixture: DatapathFixture,
  made?: { readonly disk: Disk; readonly device: string },
  usedBefore: (path: string) => Promise<void> = async () => {},
): Promise<Mirrored> {
  const { source, target } = fixture
  const sourceDisk = made?.disk ?? (await source.makeDisk(sizeBytes))
  const targetDisk = await target.makeDisk(sizeBytes)
  const [scheme] = target.datapath.capabilities.schemes
  assert.ok(scheme)
  const common = { id: fixture.newId(), scheme, secret: randomBytes(16).toString('hex') }
  const sourceMirror: Mirror = { ...common, side: 'source', end: 'source', disk: sourceDisk }
  const targetMirror: Mirror = { ...common, side: 'target', end: 'target', disk: targetDisk }
  const sourceDevice = await source.datapath.activate(sourceDisk)
  const targetDevice = await target.datapath.activate(targetDisk)
  await usedBefore(targetDevice)
  await target.datapath.offer(targetMirror)
  return {
    ...{ sourceDisk, targetDisk, sourceMirror, targetMirror },
    ...{ sourcePath: sourceDevice, targetPath: targetDevice },
  }
}

/** The two sides exchange what they have to, as their storage managers would. */
export async function begin(fixture: DatapathFixture, mirrored: Mirrored): Promise<void> {
  const { source, target } = fixture
  const hello = await source.datapath.prepare(mirrored.sourceMirror)
  const welcome = await target.datapath.accept(mirrored.targetMirror, hello)
  await source.datapath.start(mirrored.sourceMirror, welcome)
}

export async function untilStatus(
  host: DatapathHost,
  mirror: Mirror,
  isWanted: (status: MirrorStatus) => boolean,
  deadlineMs: number,
): Promise<MirrorStatus> {
  let stop: (() => void) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let last: MirrorStatus | undefined
  try {
    return await new Promise<MirrorStatus>((resolve, reject) => {
      const late = () => reject(new Error(`mirror ${mirror.id} is ${JSON.stringify(last)}`))
      timer = setTimeout(late, deadlineMs)
      stop = host.datapath.watch(mirror, (status) => {
        last = status
        if (isWanted(status)) resolve(status)
      })
    })
  } finally {
    clearTimeout(timer)
    stop?.()
  }
}

export async function untilSynced(fixture: DatapathFixture, mirrored: Mirrored): Promise<void> {
  const isSynced = ({ state }: MirrorStatus) => state === 'synced'
  await untilStatus(fixture.source, mirrored.sourceMirror, isSynced, fixture.deadlineMs)
  await untilStatus(fixture.target, mirrored.targetMirror, isSynced, fixture.deadlineMs)
}

export async function synced(fixture: DatapathFixture): Promise<Mirrored> {
  const mirrored = await offered(fixture)
  await begin(fixture, mirrored)
  await untilSynced(fixture, mirrored)
  return mirrored
}

/** What each side hands over. */
export function handoverOf(mirrored: readonly Mirrored[]): {
  readonly source: readonly HandoverDisk[]
  readonly target: readonly HandoverDisk[]
} {
  return {
    source: mirrored.map(({ sourceDisk: disk, sourceMirror: mirror }) => ({ disk, mirror })),
    target: mirrored.map(({ targetDisk: disk, targetMirror: mirror }) => ({ disk, mirror })),
  }
}

/** A guest that writes all the time, and what was acknowledged to it. */
export class WritingGuest {
  readonly acknowledged = new Map<number, string>()
  readonly errors: unknown[] = []
  #isRunning = true
  readonly #ended: Promise<void>

  constructor(host: DatapathHost, path: string, sectors: readonly number[]) {
    this.#ended = this.#run(host, path, sectors)
  }

  async #run(host: DatapathHost, path: string, sectors: readonly number[]): Promise<void> {
    for (let version = 1; this.#isRunning; version += 1) {
      const sector = sectors[version % sectors.length] ?? 0
      const text = `version ${version}`
      try {
        await host.write(path, sector, text)
        this.acknowledged.set(sector, text)
      } catch (error) {
        this.errors.push(error)
        return
      }
    }
  }

  /** As when the VM is paused: afterwards nothing is under way. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await this.#ended
    assert.deepEqual(this.errors, [])
  }

  async assertOn(host: DatapathHost, path: string): Promise<void> {
    for (const [sector, text] of this.acknowledged)
      assert.equal(await host.read(path, sector), text, `sector ${sector} of ${path}`)
  }
}

/** Nothing of ours is left on either side once the disks are inactive. */
export async function assertNothingLeft(
  fixture: DatapathFixture,
  mirrored: readonly Mirrored[],
): Promise<void> {
  for (const { sourceDisk, targetDisk } of mirrored) {
    await fixture.source.datapath.deactivate(sourceDisk)
    await fixture.target.datapath.deactivate(targetDisk)
  }
  const owners = new Set(
    mirrored.flatMap(({ sourceDisk, targetDisk, sourceMirror }) => [
      sourceDisk.vdi,
      targetDisk.vdi,
      sourceMirror.id,
    ]),
  )
  for (const { datapath } of [fixture.source, fixture.target]) {
    const left = (await datapath.inventory()).filter(({ owner }) => owners.has(owner))
    assert.deepEqual(left, [])
  }
}
