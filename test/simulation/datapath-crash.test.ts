import { describe, expect, it } from 'vitest'
import {
  type Act,
  crashPointsMax,
  crashWhile,
  createScene,
  expectNothingLeft,
  type Scene,
  untilSynced,
  untilTaken,
} from './datapath-scene.ts'

/** The daemon of one side crashes at every point of one act, is started anew and does it again. */
const life: readonly Act[] = [
  ...untilTaken,
  {
    name: 'close at the source',
    side: 'source',
    run: ({ source }) => source.datapath.close(source.mirror, 'nothing'),
  },
  {
    name: 'close at the target',
    side: 'target',
    run: ({ target }) => target.datapath.close(target.mirror, 'volume'),
  },
]

/** What the VM writes between two acts must be on whatever its next device leads to. */
async function write({ source, target }: Scene, after: Act | undefined): Promise<void> {
  const isAway = after?.name === 'take' || after?.name.startsWith('close')
  if (after?.name === 'release') return
  const { host, path } = isAway ? target : source
  await host.write(path, 1, `after ${after?.name ?? 'nothing'}`)
}

async function assertRunsAtTarget({ source, target }: Scene): Promise<void> {
  expect(await target.host.read(target.path, 0)).toBe('first')
  expect(await target.host.read(target.path, 1)).toBe('after close at the target')
  await expect(source.host.write(source.path, 2, 'late')).rejects.toThrow()
  await expectNothingLeft({ source, target })
}

describe('a crash of the daemon at every point', () => {
  it.each(life.map(({ name }, index) => [name, index] as const))(
    'of %s',
    async (name, crashing) => {
      let isOver = false
      let points = 0
      for (; !isOver; points += 1) {
        expect(points, name).toBeLessThan(crashPointsMax)
        const scene = await createScene()
        for (const [index, act] of life.entries()) {
          if (index === crashing) isOver = await crashWhile(act, scene, points)
          await act.run(scene)
          if (act.name === 'start') await untilSynced(scene)
          await write(scene, act)
        }
        await assertRunsAtTarget(scene)
      }
      expect(points).toBeGreaterThan(3)
    },
  )

  it('of a release that the source then takes back', async () => {
    const [accept, start, release] = life as [Act, Act, Act]
    let isOver = false
    for (let points = 0; !isOver; points += 1) {
      expect(points).toBeLessThan(crashPointsMax)
      const scene = await createScene()
      const { source, target } = scene
      for (const act of [accept, start]) await act.run(scene)
      await untilSynced(scene)
      isOver = await crashWhile(release, scene, points)
      await source.datapath.reclaim(source.handover)
      await source.host.write(source.path, 3, 'runs on at the source')
      expect(await target.host.read(target.disk.volumePath, 3)).toBe('runs on at the source')
      await source.datapath.close(source.mirror, 'volume')
      await target.datapath.close(target.mirror, 'nothing')
      await source.host.write(source.path, 4, 'without the mirror')
      expect(await source.host.read(source.disk.volumePath, 4)).toBe('without the mirror')
      await expectNothingLeft(scene)
    }
  })
})

describe('a command that fails', () => {
  it.each(['mapper.suspend', 'mapper.resume', 'replicator.demote'])(
    '%s: the release is taken back and the VM runs on',
    async (act) => {
      const scene = await createScene()
      const { source, target } = scene
      for (const each of life.slice(0, 2)) await each.run(scene)
      await untilSynced(scene)
      await source.datapath.arm(source.handover)
      source.host.faults.failNext(act, new Error('on request'))
      await expect(source.datapath.release(source.handover)).rejects.toThrow('on request')
      await source.host.write(source.path, 3, 'runs on')
      expect(await target.host.read(target.disk.volumePath, 3)).toBe('runs on')
    },
  )

  it.each(['mapper.load', 'mapper.resume', 'replicator.promote'])(
    '%s: the take is refused, nothing is writable at the target, and the source goes on',
    async (act) => {
      const scene = await createScene()
      const { source, target } = scene
      for (const each of life.slice(0, 3)) {
        await each.run(scene)
        if (each.name === 'start') await untilSynced(scene)
      }
      target.host.faults.failNext(act, new Error('on request'))
      await expect(target.datapath.take(target.handover)).rejects.toMatchObject({
        code: 'HANDOVER_REFUSED',
      })
      await source.datapath.reclaim(source.handover)
      await source.host.write(source.path, 3, 'runs on')
      expect(await target.host.read(target.disk.volumePath, 3)).toBe('runs on')
    },
  )
})
