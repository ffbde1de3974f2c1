import { z } from 'zod'
import { deviceKindSchema } from '../../model/host.ts'
import { type Replication, replicationSchema } from '../../model/replication.ts'
import { srCreateSchema, srSchema } from '../../model/sr.ts'
import { vdiCreateSchema, vdiSchema } from '../../model/vdi.ts'
import { defineRoutes } from './route.ts'
import { emptySchema, healthSchema, leftoverSchema } from './shared.ts'

const handoverSchema = z.object({
  disks: z.array(z.object({ vdi: z.string(), replication: z.string().nullable() })).min(1),
})
const helloSchema = z.record(z.string(), z.union([z.string(), z.number()]))
const keepSchema = z.enum(['volume', 'nothing'])

/** The storage manager's API. */
export const storageRoutes = defineRoutes({
  health: {
    method: 'GET',
    path: '/health',
    summary: 'Is the daemon alive',
    response: healthSchema,
  },
  facts: {
    method: 'GET',
    path: '/facts',
    summary: 'What this storage manager can do',
    response: z.object({
      host: z.string(),
      apiVersion: z.string(),
      replicationSchemes: z.array(z.string()),
      deviceKind: deviceKindSchema,
    }),
  },
  listSrs: { method: 'GET', path: '/srs', summary: 'SR.ls', response: z.array(srSchema) },
  createSr: {
    method: 'POST',
    path: '/srs',
    summary: 'SR.create: makes a volume store known',
    body: srCreateSchema,
    response: srSchema,
    status: 201,
    errors: ['SR_UNUSABLE', 'ALREADY_EXISTS', 'NOT_SUPPORTED'],
  },
  forgetSr: {
    method: 'DELETE',
    path: '/srs/{sr}',
    summary: 'SR.forget: its volumes stay as they are',
    response: emptySchema,
    errors: ['NOT_FOUND', 'BUSY'],
  },
  listVdis: {
    method: 'GET',
    path: '/vdis',
    summary: 'VDI.ls',
    query: z.object({ sr: z.string().optional(), device: z.string().optional() }),
    response: z.array(vdiSchema),
  },
  createVdi: {
    method: 'POST',
    path: '/vdis',
    summary: 'VDI.create: a volume that reads as zeroes',
    body: vdiCreateSchema.extend({ id: z.uuid().optional() }),
    response: vdiSchema,
    status: 201,
    errors: ['NOT_FOUND', 'SR_FULL', 'NOT_SUPPORTED'],
  },
  getVdi: {
    method: 'GET',
    path: '/vdis/{vdi}',
    summary: 'VDI.stat',
    response: vdiSchema,
    errors: ['NOT_FOUND'],
  },
  destroyVdi: {
    method: 'DELETE',
    path: '/vdis/{vdi}',
    summary: 'VDI.destroy',
    response: emptySchema,
    errors: ['WRONG_STATE'],
  },
  attach: {
    method: 'POST',
    path: '/vdis/{vdi}/attach',
    summary: 'VDI.attach',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  activate: {
    method: 'POST',
    path: '/vdis/{vdi}/activate',
    summary: "VDI.activate: answers the VM's device",
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  deactivate: {
    method: 'POST',
    path: '/vdis/{vdi}/deactivate',
    summary: 'VDI.deactivate',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY'],
  },
  detach: {
    method: 'POST',
    path: '/vdis/{vdi}/detach',
    summary: 'VDI.detach',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  adopt: {
    method: 'POST',
    path: '/vdis/{vdi}/adopt',
    summary: 'Takes over the device of a running VM that was started without us',
    body: z.object({ device: z.string() }),
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'DISK_NOT_MAPPED'],
  },
  disown: {
    method: 'POST',
    path: '/vdis/{vdi}/disown',
    summary: 'Gives an adopted device back as it was',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY'],
  },
  getReplicationTarget: {
    method: 'POST',
    path: '/vdis/{vdi}/replication-target',
    summary:
      'VDI.get_replication_target: one URI that is enough for another storage manager to start the mirror',
    body: z.object({ schemes: z.array(z.string()).optional() }).default({}),
    response: z.object({ uri: z.string(), replication: z.string() }),
    status: 201,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY', 'NOT_SUPPORTED', 'NO_FREE_MINOR', 'NO_FREE_PORT'],
  },
  replicateTo: {
    method: 'POST',
    path: '/vdis/{vdi}/replicate-to',
    summary: 'VDI.replicate_to: mirrors the disk, in use or not, to the target behind the URI',
    body: z.object({ uri: z.string() }),
    response: replicationSchema,
    status: 202,
    errors: [
      'NOT_FOUND',
      'WRONG_STATE',
      'BUSY',
      'URI_INVALID',
      'URI_REFUSED',
      'SIZE_MISMATCH',
      'PEER_UNREACHABLE',
      'NO_FREE_MINOR',
      'NO_FREE_PORT',
    ],
  },
  listReplications: {
    method: 'GET',
    path: '/replications',
    summary: 'All replications of this host',
    response: z.array(replicationSchema),
  },
  getReplication: {
    method: 'GET',
    path: '/replications/{replication}',
    summary: 'State and progress',
    response: replicationSchema,
    errors: ['NOT_FOUND'],
  },
  watchReplication: {
    method: 'GET',
    path: '/replications/{replication}/events',
    summary: 'State and progress at every change, until it is stopped',
    response: replicationSchema,
    events: true,
    isLast: (replication: Replication) => replication.state === 'stopped',
    errors: ['NOT_FOUND'],
  },
  stopReplication: {
    method: 'DELETE',
    path: '/replications/{replication}',
    summary: 'Takes the mirror out on this side',
    query: z.object({ keep: keepSchema.default('volume') }),
    response: emptySchema,
  },
  join: {
    method: 'POST',
    path: '/replications/{replication}/join',
    summary: 'Between storage managers: the source answers the URI',
    body: z.object({ secret: z.string(), sizeBytes: z.int().positive(), hello: helloSchema }),
    response: z.object({ welcome: helloSchema }),
    errors: ['NOT_FOUND', 'URI_REFUSED', 'SIZE_MISMATCH'],
  },
  armHandover: {
    method: 'POST',
    path: '/handover/arm',
    summary: 'Does beforehand what the handover needs',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'REPLICATION_LOST'],
  },
  releaseDisks: {
    method: 'POST',
    path: '/handover/release',
    summary: 'Source, VM paused: drains the disks and lets go of them',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'REPLICATION_LOST'],
  },
  reclaimDisks: {
    method: 'POST',
    path: '/handover/reclaim',
    summary: 'Source, after a refusal: takes the disks back',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'HANDOVER_REFUSED'],
  },
  takeDisks: {
    method: 'POST',
    path: '/handover/take',
    summary: 'Target, after the release: makes the disks writable here',
    body: handoverSchema,
    response: emptySchema,
    errors: ['NOT_FOUND', 'HANDOVER_REFUSED'],
  },
  leftovers: {
    method: 'GET',
    path: '/leftovers',
    summary: 'Everything of ours on this host and why it is there',
    response: z.array(leftoverSchema),
  },
  cleanLeftovers: {
    method: 'DELETE',
    path: '/leftovers',
    summary: 'Removes what has no reason; answers it, with why it stays where it is in use',
    response: z.array(leftoverSchema),
  },
})
