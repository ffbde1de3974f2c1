import { type MigrationDetails, migrationDetailsSchema } from '../../../src/model/migration.ts'
import type { Operation } from '../../../src/model/operation.ts'
import { Playground } from '../../playground/playground.ts'
import type { PlaygroundGuest } from '../../playground/playground-guest.ts'
import { migrate } from '../../support/measured-migration.ts'
import type { Contender, Moved } from '../contender.ts'
import { fillTemplate } from '../template-disk.ts'
import { guestOptions } from './two-sides.ts'

/** The way back needs only what differs, and the VM does not wait for the replica meanwhile. */
export const keepReplica = { forMs: 3_600_000, mode: 'difference' } as const

/** Crosspool's daemons in the playground: QEMU, and mirrors in user space. */
export async function openCrosspool(log: (line: string) => void): Promise<Contender> {
  const playground = await Playground.open({ log })
  let [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  let guest: PlaygroundGuest = playground.guest(guestOptions)
  let hasReplica = false
  return {
    name: 'crosspool',
    async start(disk) {
      hasReplica = false
      guest = playground.guest(guestOptions)
      const vdi = await source.newDisk('raw', guestOptions.name, disk.sizeBytes)
      await fillTemplate((await source.image(vdi)).path, disk)
      await guest.startOn(source, [vdi])
    },
    async move() {
      // Where the replica is, the way back finds it by itself.
      const request = hasReplica ? {} : { srMap: { '*': 'raw' }, keepReplica }
      const operation = await migrate(guest.name, source, destination, request)
      if (operation.state !== 'succeeded') throw new Error(JSON.stringify(operation.error))
      hasReplica = true
      ;[source, destination] = [destination, source]
      return movedBy(operation)
    },
    observations: async (sinceMs) => guest.observations(sinceMs),
    end: async () => (await guest.end(source)).problems,
    close: () => playground.close(),
  }
}

/** What the operation says of itself. */
export function movedBy(operation: Operation): Moved {
  const details: MigrationDetails = migrationDetailsSchema.parse(operation.details)
  const begins = (step: string) =>
    operation.steps.find(({ name }) => name === step)?.startedAtMs ?? 0
  const ends = (step: string) => operation.steps.find(({ name }) => name === step)?.endedAtMs ?? 0
  return {
    beganMs: operation.startedAtMs,
    sync: { beganMs: begins('replicate'), endedMs: ends('synchronise') },
    endedMs: operation.endedAtMs ?? 0,
    handoverMs: details.figures.handoverMs ?? 0,
    marks: operation.steps.flatMap(({ name, startedAtMs }) =>
      startedAtMs === null ? [] : [{ name, atMs: startedAtMs }],
    ),
  }
}
