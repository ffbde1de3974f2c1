import { z } from 'zod'
import {
  keepReplicationSchema,
  type Replication,
  replicationLimitSchema,
  replicationSchema,
} from '../../model/replication.ts'
import { defineRoutes } from './route.ts'
import { emptySchema } from './shared.ts'

const handoverSchema = z.object({
  disks: z.array(z.object({ vdi: z.string(), replication: z.string().nullable() })).min(1),
})
const helloSchema = z.record(z.string(), z.union([z.string(), z.number()]))
const keepSchema = z.enum(['volume', 'nothing'])

/** The part of the storage manager's API that is about mirrors which stand, and their handover. */
export const replicationRoutes = defineRoutes({
  listReplications: {
    method: 'GET',
    path: '/replications',
    role: 'viewer',
    summary: 'All replications of this host',
    response: z.array(replicationSchema),
  },
  getReplication: {
    method: 'GET',
    path: '/replications/{replication}',
    role: 'viewer',
    summary: 'State and progress',
    response: replicationSchema,
    errors: ['NOT_FOUND'],
  },
  watchReplication: {
    method: 'GET',
    path: '/replications/{replication}/events',
    role: 'viewer',
    summary: 'State and progress at every change, until it is stopped',
    response: replicationSchema,
    events: true,
    isLast: (replication: Replication) => replication.state === 'stopped',
    errors: ['NOT_FOUND'],
  },
  limitReplication: {
    method: 'POST',
    path: '/replications/{replication}/limit',
    role: 'operator',
    summary: 'Limits its copying from now on; to be told on both sides',
    body: replicationLimitSchema,
    response: replicationSchema,
    errors: ['NOT_FOUND'],
  },
  keepReplication: {
    method: 'POST',
    path: '/replications/{replication}/keep',
    role: 'administrator',
    summary:
      'Keeps one of its disks as a replica of the other; without a body as it was kept before',
    body: keepReplicationSchema.optional(),
    response: emptySchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'NOT_SUPPORTED'],
  },
  verifyReplication: {
    method: 'POST',
    path: '/replications/{replication}/verify',
    role: 'operator',
    summary: 'Source: begins to compare both sides; `verification` tells what comes of it',
    response: replicationSchema,
    errors: ['NOT_FOUND', 'NOT_SUPPORTED'],
  },
  stopReplication: {
    method: 'DELETE',
    path: '/replications/{replication}',
    role: 'administrator',
    summary: 'Takes the mirror out on this side',
    query: z.object({ keep: keepSchema.default('volume') }),
    response: emptySchema,
  },
  join: {
    method: 'POST',
    path: '/replications/{replication}/join',
    role: 'anyone',
    summary: 'Between storage managers: the source answers the URI',
    body: z.object({
      ...{ secret: z.string(), sizeBytes: z.int().positive(), hello: helloSchema },
      continues: z.boolean().optional().describe('it has noted what differs from the replica'),
    }),
    response: z.object({ welcome: helloSchema }),
    errors: ['NOT_FOUND', 'URI_REFUSED', 'SIZE_MISMATCH'],
  },
  armHandover: {
    method: 'POST',
    path: '/handover/arm',
    role: 'administrator',
    summary: 'Does beforehand what the handover needs',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'REPLICATION_LOST'],
  },
  releaseDisks: {
    method: 'POST',
    path: '/handover/release',
    role: 'administrator',
    summary: 'Source, VM paused: drains the disks and lets go of them',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'REPLICATION_LOST'],
  },
  reclaimDisks: {
    method: 'POST',
    path: '/handover/reclaim',
    role: 'administrator',
    summary: 'Source, after a refusal: takes the disks back',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'HANDOVER_REFUSED'],
  },
  takeDisks: {
    method: 'POST',
    path: '/handover/take',
    role: 'administrator',
    summary: 'Target, after the release: makes the disks writable here',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'HANDOVER_REFUSED'],
  },
})
