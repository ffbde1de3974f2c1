import { describe, expect, it } from 'vitest'
import type { KeepMode } from '../../src/model/replication.ts'
import type { MirrorStatus } from '../../src/ports/datapath.ts'
import {
  type Act,
  crashPointsMax,
  crashWhile,
  createScene,
  expectNothingLeft,
  type Scene,
  type Side,
  turn,
  untilSynced,
  untilTaken,
} from './datapath-scene.ts'

const [accept, start, release, take] = untilTaken as readonly [Act, Act, Act, Act]
const modes: readonly KeepMode[] = ['every-write', 'difference']

/** What comes after a handover that leaves a replica, up to the one that leads back to it. */
function lifeOf(mode: KeepMode): readonly Act[] {
  return [
    {
      name: 'keep at the source',
      side: 'source',
      run: ({ source }) => source.datapath.keep(source.mirror, mode),
    },
    {
      name: 'keep at the target',
      side: 'target',
      async run({ target }) {
        await target.datapath.keep(target.mirror, mode)
        await target.datapath.deactivate(target.disk)
      },
    },
    {
      ...accept,
      async run(scene) {
        await scene.target.datapath.activate(scene.target.disk)
        await accept.run(scene)
      },
    },
    start,
    release,
    take,
  ]
}

/** A VM that has been handed over; what it has left behind is about to become a replica. */
async function handedOver(): Promise<Scene> {
  const scene = await createScene()
  for (const act of untilTaken) {
    await act.run(scene)
    if (act.name === 'start') await untilSynced(scene)
  }
  await scene.target.host.write(scene.target.path, 1, 'after the handover')
  return turn(scene)
}

async function kept(mode: KeepMode): Promise<Scene> {
  const scene = await handedOver()
  for (const act of lifeOf(mode).slice(0, 2)) await act.run(scene)
  return scene
}

async function begunAgain(scene: Scene): Promise<void> {
  await scene.target.datapath.activate(scene.target.disk)
  for (const act of [accept, start]) await act.run(scene)
  await untilSynced(scene)
}

async function end({ source, target }: Scene): Promise<void> {
  await source.datapath.close(source.mirror, 'volume')
  await target.datapath.close(target.mirror, 'nothing')
  await expectNothingLeft({ source, target })
}

async function statusOf({ datapath, mirror }: Side): Promise<MirrorStatus> {
  let stop = () => {}
  const status = await new Promise<MirrorStatus>((resolve) => {
    stop = datapath.watch(mirror, resolve)
  })
  stop()
  return status
}

describe.each(modes)('a replica that is kept with %s', (mode) => {
  it.each(lifeOf(mode).map(({ name }, index) => [name, index] as const))(
    'lives through a crash of the daemon at every point of: %s',
    async (name, crashing) => {
      let isOver = false
      for (let points = 0; !isOver; points += 1) {
        expect(points, name).toBeLessThan(crashPointsMax)
        const scene = await handedOver()
        for (const [index, act] of lifeOf(mode).entries()) {
          if (index === crashing) isOver = await crashWhile(act, scene, points)
          await act.run(scene)
          if (act.name === 'start') await untilSynced(scene)
          if (act.name !== 'release' && act.name !== 'take')
            await scene.source.host.write(scene.source.path, 2, `after ${act.name}`)
        }
        const back = turn(scene)
        expect(await back.source.host.read(back.source.path, 1)).toBe('after the handover')
        expect(await back.source.host.read(back.source.path, 2)).toBe('after start')
        const late = back.target.host.write(back.target.path, 3, 'late')
        await Promise.all([expect(late).rejects.toThrow(), end(back)])
      }
    },
  )

  it('notes what a VM writes that was started anew at the source', async () => {
    const scene = await kept(mode)
    const { source, target } = scene
    await source.datapath.deactivate(source.disk)
    expect(await source.datapath.activate(source.disk)).toBe(source.path)
    await source.host.write(source.path, 5, 'by the next VM')
    if (mode === 'every-write')
      expect(await target.host.read(target.disk.volumePath, 5)).toBe('by the next VM')
    await begunAgain(scene)
    expect(await target.host.read(target.disk.volumePath, 5)).toBe('by the next VM')
    expect((await statusOf(source)).sentBytes).toBeLessThan(source.disk.sizeBytes / 4)
    await end(scene)
  })

  it("is copied anew when the source's host was started anew, since nobody noted what was written", async () => {
    const scene = await kept(mode)
    const { source, target } = scene
    source.host.reboot()
    await source.host.write(source.disk.volumePath, 5, 'past the replicator')
    await source.datapath.activate(source.disk)
    await begunAgain(scene)
    expect(await target.host.read(target.disk.volumePath, 5)).toBe('past the replicator')
    expect(await source.host.read(source.path, 5)).toBe('past the replicator')
    await end(scene)
  })

  it('goes on after its own host was started anew, with what differs alone', async () => {
    const scene = await kept(mode)
    const { source, target } = scene
    target.host.reboot()
    await source.host.write(source.path, 5, 'meanwhile')
    const hello = await source.datapath.prepare(source.mirror)
    await target.datapath.accept(target.mirror, hello)
    await target.datapath.keep(target.mirror, mode)
    await begunAgain(scene)
    expect(await target.host.read(target.disk.volumePath, 5)).toBe('meanwhile')
    expect((await statusOf(source)).sentBytes).toBeLessThan(source.disk.sizeBytes / 4)
    await end(scene)
  })

  it('becomes an ordinary disk when the source is lost', async () => {
    const scene = await kept(mode)
    const { source, target } = scene
    source.host.reboot()
    await target.datapath.close(target.mirror, 'volume')
    expect(await target.datapath.activate(target.disk)).toBe(target.path)
    await target.host.write(target.path, 6, 'claimed')
    expect(await target.host.read(target.disk.volumePath, 1)).toBe('after the handover')
    await target.datapath.deactivate(target.disk)
    expect(await target.datapath.inventory()).toEqual([])
  })

  it('is not written to, and the disk of the VM is not taken away, whoever is wrong about the sides', async () => {
    const scene = await kept(mode)
    const wrong = turn(scene)
    for (const { datapath, mirror } of [wrong.source, wrong.target])
      await expect(datapath.keep(mirror, mode)).rejects.toMatchObject({ code: 'WRONG_STATE' })
    await expect(wrong.source.datapath.prepare(wrong.source.mirror)).resolves.toBeDefined()
    await scene.source.host.write(scene.source.path, 7, 'undisturbed')
    await end(scene)
  })
})

describe('a replica that is kept with difference', () => {
  it('is paused, also for a daemon that was started anew, and not lost', async () => {
    const { source, target } = await kept('difference')
    await source.host.write(source.path, 5, 'not sent')
    expect(await statusOf(source)).toMatchObject({ state: 'paused', outOfSyncBytes: 512 })
    for (const side of [source, target]) {
      side.datapath = side.host.makeDatapath()
      expect((await statusOf(side)).state).toBe('paused')
    }
    expect(await target.host.read(target.disk.volumePath, 5)).toBe('')
    await end({ source, target })
  })
})
