import { busy, isUnused } from './devices.ts'
import type { Mirrors } from './mirrors.ts'

/** Removes what bears the name of a mirror or of a VDI that nobody needs any more. @throws BUSY */
export async function discard(mirrors: Mirrors, owner: string): Promise<void> {
  const { lock } = mirrors.parts
  for (const side of mirrors.all().filter(({ record }) => record.id === owner)) {
    const { vdi } = side.record
    await lock.run([vdi], async () => {
      // Nothing becomes writable that was not.
      const isServing = mirrors.servers.record(vdi)?.mode === 'serving'
      await mirrors.end(side, isServing ? 'serving' : 'fenced')
    })
  }
  await lock.run([owner], async () => {
    const record = mirrors.servers.record(owner)
    if (!record) return
    if (mirrors.ofDisk(owner) || !(await isUnused(mirrors, owner))) throw busy(owner)
    await mirrors.servers.remove(owner)
  })
}
