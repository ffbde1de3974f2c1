import { randomBytes, randomUUID } from 'node:crypto'
import type { Random } from '../../ports/clock.ts'

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
}
