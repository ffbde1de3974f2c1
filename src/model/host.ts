import { z } from 'zod'
import { keepModeSchema } from './replication.ts'

export const networkSchema = z
  .object({
    name: z.string().describe('bridge or switch that interfaces are plugged into'),
  })
  .meta({ id: 'Network' })
export type Network = z.infer<typeof networkSchema>

/** What a disk looks like to a VM's hypervisor. */
export const deviceKindSchema = z.enum(['block', 'nbd'])
export type DeviceKind = z.infer<typeof deviceKindSchema>

export const encryptionObstacleSchema = z
  .string()
  .nullable()
  .describe('what keeps its storage manager from encrypting replications; null: nothing')

export const hostFactsSchema = z.object({
  hypervisor: z.string().describe('xen, qemu, ...'),
  version: z.string(),
  memoryBytes: z.int().nonnegative(),
  freeMemoryBytes: z.int().nonnegative(),
  cpuModel: z.string(),
})
export type HostFacts = z.infer<typeof hostFactsSchema>

export const hostSchema = hostFactsSchema
  .extend({
    name: z.string(),
    pool: z.string(),
    url: z.string().describe("root of this host's xapi"),
    reachable: z.boolean(),
    networks: z.array(networkSchema),
    clockMs: z.int().describe("the host's own clock, milliseconds since 1970"),
    apiVersion: z.string(),
    replicationSchemes: z
      .array(z.string())
      .describe('what its storage manager can replicate with, best first'),
    encryptionObstacle: encryptionObstacleSchema,
    keepModes: z.array(keepModeSchema).default([]).describe('how it can keep replicas, best first'),
    memoryEncodings: z
      .array(z.string())
      .default(['plain'])
      .describe("how its xapi can take a VM's memory"),
    deviceKind: deviceKindSchema.describe('what its storage manager gives to a VM'),
  })
  .meta({ id: 'Host' })
export type Host = z.infer<typeof hostSchema>

export const poolSchema = z
  .object({
    name: z.string(),
    hosts: z.array(z.string()),
  })
  .meta({ id: 'Pool' })
export type Pool = z.infer<typeof poolSchema>

/** How far the clocks of two hosts may differ before somebody is told. */
export const clockSkewWarnMs = 5_000
