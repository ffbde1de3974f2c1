import { z } from 'zod'
import { CrosspoolError } from '../../model/errors.ts'
import type { Mirror, MirrorHello } from '../../ports/datapath.ts'
import { parseHello } from './encounter.ts'
import { digestOf } from './mirror-records.ts'
import { mirrorName, vmDeviceName } from './names.ts'
import { leadsToOurs } from './original-tables.ts'
import type { DatapathParts } from './parts.ts'

// A source of an earlier version names none; its mirror is begun once.
const generationSchema = z.object({
  generation: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,64}$/)
    .optional(),
})

/**
 * Source: the generation that the target's copy must be of for what differs to be known. A new one where
 * the VM may have written past the replicator: because the mirror is new, or this host was started anew.
 */
export async function nameGeneration(parts: DatapathParts, mirror: Mirror): Promise<string> {
  const { mirrors, random, replicator } = parts
  const known = await mirrors.get(mirror)
  const isKnown = known !== null && (await hasSeenEveryWrite(parts, mirror))
  // With another secret the two could not meet: they part before one of them is told of it.
  if (isKnown && known.secretDigest !== digestOf(mirror))
    await replicator.disconnect(mirrorName(mirror))
  const generation = isKnown ? known.generation : random.uuid()
  await mirrors.put(mirror, { generation, isTruth: known?.isTruth ?? true })
  return generation
}

/** A VM's device that is not there has not been written to. */
async function hasSeenEveryWrite(parts: DatapathParts, mirror: Mirror): Promise<boolean> {
  const { blockMapper, replicator } = parts
  if (replicator.state(mirrorName(mirror))?.role !== 'Primary') return false
  const device = await blockMapper.inspect(vmDeviceName(mirror.disk))
  return device === null || (await leadsToOurs(device.table, replicator))
}

/** Target: a copy of another generation is none; it is thrown away, and everything will be sent. */
export async function followGeneration(
  parts: DatapathParts,
  mirror: Mirror,
  hello: MirrorHello,
): Promise<void> {
  const { metadataVolumes, mirrors, replicator } = parts
  const name = mirrorName(mirror)
  const { generation } = parseHello(generationSchema, hello)
  const known = await mirrors.get(mirror)
  if (known !== null && generation !== undefined && known.generation !== generation) {
    if (replicator.state(name)?.role === 'Primary')
      throw new CrosspoolError('HANDOVER_REFUSED', { reason: `${name} is writable here` })
    await replicator.down(name)
    await metadataVolumes.remove(name)
  }
  if (generation !== undefined) await mirrors.put(mirror, { generation, isTruth: false })
}
