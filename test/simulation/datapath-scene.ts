import { expect } from 'vitest'
import type { Datapath, Disk, HandoverDisk, Mirror } from '../../src/ports/datapath.ts'
import {
  createSimulatedBlockHosts,
  type SimulatedBlockHost,
} from '../contracts/simulated-block-hosts.ts'

const sizeBytes = 16 * 1024
export const crashPointsMax = 100

export interface Side {
  readonly host: SimulatedBlockHost
  datapath: Datapath
  readonly disk: Disk
  readonly mirror: Mirror
  readonly handover: readonly HandoverDisk[]
  readonly path: string
}

async function createSide(host: SimulatedBlockHost, side: Mirror['side']): Promise<Side> {
  const volumePath = host.addVolume(sizeBytes)
  const disk: Disk = { vdi: `vdi-${side}`, sizeBytes, volumePath, format: 'raw', adopted: null }
  const mirror: Mirror = {
    ...{ id: 'mirror', side, end: side, scheme: 'drbd+wireguard' },
    ...{ disk, secret: 'secret' },
  }
  const datapath = host.makeDatapath()
  const path = await datapath.activate(disk)
  return { host, datapath, disk, mirror, handover: [{ disk, mirror }], path }
}

/** Two hosts with the kernel's datapath, and a mirror between them that has not been offered yet. */
export async function createScene() {
  const { hosts } = createSimulatedBlockHosts()
  const source = await createSide(hosts[0], 'source')
  const target = await createSide(hosts[1], 'target')
  await source.host.write(source.path, 0, 'first')
  return { source, target }
}
export type Scene = Awaited<ReturnType<typeof createScene>>

export async function untilSynced({ source, target }: Scene): Promise<void> {
  for (const { datapath, mirror } of [source, target]) {
    let stop = () => {}
    await new Promise<void>((resolve) => {
      stop = datapath.watch(mirror, ({ state }) => {
        if (state === 'synced') resolve()
      })
    })
    stop()
  }
}

function turnSide(side: Side): Side {
  const { disk, mirror } = side
  const turned: Mirror = { ...mirror, side: mirror.side === 'source' ? 'target' : 'source' }
  return { ...side, mirror: turned, handover: [{ disk, mirror: turned }] }
}

/** The VM is at the other side: what was the target is the source. */
export function turn({ source, target }: Scene): Scene {
  return { source: turnSide(target), target: turnSide(source) }
}

/** Nothing of ours is left on either host. */
export async function expectNothingLeft(scene: Scene): Promise<void> {
  for (const { datapath, disk } of [scene.source, scene.target]) {
    await datapath.deactivate(disk)
    expect(await datapath.inventory()).toEqual([])
  }
}

/** What is done in the life of a mirror, by the daemon of one side. */
export interface Act {
  readonly name: string
  readonly side: 'source' | 'target'
  run(scene: Scene): Promise<void>
}

/** Up to the handover. */
export const untilTaken: readonly Act[] = [
  {
    name: 'accept',
    side: 'target',
    run: async ({ source, target }) => {
      await target.datapath.offer(target.mirror)
      const hello = await source.datapath.prepare(source.mirror)
      await target.datapath.accept(target.mirror, hello)
    },
  },
  {
    name: 'start',
    side: 'source',
    run: async ({ source, target }) => {
      const hello = await source.datapath.prepare(source.mirror)
      const welcome = await target.datapath.accept(target.mirror, hello)
      await source.datapath.start(source.mirror, welcome)
    },
  },
  {
    name: 'release',
    side: 'source',
    run: async ({ source }) => {
      await source.datapath.arm(source.handover)
      await source.datapath.release(source.handover)
    },
  },
  {
    name: 'take',
    side: 'target',
    run: async ({ target }) => {
      await target.datapath.arm(target.handover)
      await target.datapath.take(target.handover)
    },
  },
]

/** Does the act, crashing after so many points; true when it was over before that. */
export async function crashWhile(act: Act, scene: Scene, points: number): Promise<boolean> {
  const side = scene[act.side]
  side.host.faults.crashAfter(points)
  const error = await act.run(scene).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  const hasCrashed = side.host.faults.hasCrashed
  side.host.faults.recover()
  side.datapath = side.host.makeDatapath()
  if (hasCrashed) expect(error).not.toBeNull()
  else expect(error).toBeNull()
  return !hasCrashed
}
