import { z } from 'zod'
import { defaultConnectionLimits } from '../api/server/limits.ts'

export const connectionLimitsSchema = z
  .strictObject({
    total: z.int().min(10).default(defaultConnectionLimits.total).describe('from other hosts'),
    perAddress: z.int().min(10).default(defaultConnectionLimits.perAddress).describe('from one'),
  })
  .prefault({})
  .describe('how many TCP connections are held open at once; what comes beyond is cut')
