import { z } from 'zod'
import { hostSchema } from './host.ts'
import { operationSchema } from './operation.ts'
import { replicaSchema } from './replica.ts'
import { replicationSchema } from './replication.ts'
import { srSchema } from './sr.ts'
import { vdiSchema } from './vdi.ts'
import { vmSchema } from './vm.ts'

/** All that is on one host, read at about the same time. */
export const inventorySchema = z
  .object({
    host: hostSchema,
    vms: z.array(vmSchema),
    srs: z.array(srSchema),
    vdis: z.array(vdiSchema),
    replications: z.array(replicationSchema),
    replicas: z.array(replicaSchema).describe('those of the replications that are kept'),
    operations: z
      .array(operationSchema)
      .describe('those that have not ended, and the newest of those that have'),
  })
  .meta({ id: 'Inventory' })
export type Inventory = z.infer<typeof inventorySchema>

/** A host that is known, with its inventory as far as it tells. */
export const knownInventorySchema = z
  .object({
    name: z.string(),
    pool: z.string(),
    url: z.string(),
    inventory: inventorySchema.nullable().describe('null: it could not be read'),
    problem: z.string().nullable().describe('why it could not be read'),
  })
  .meta({ id: 'KnownInventory' })
export type KnownInventory = z.infer<typeof knownInventorySchema>
