import { z } from 'zod'
import { fingerprintSchema } from '../../model/access.ts'
import { deviceKindSchema, encryptionObstacleSchema } from '../../model/host.ts'
import { isOver, type Relocation, relocationSchema } from '../../model/relocation.ts'
import { keepModeSchema, replicationSchema } from '../../model/replication.ts'
import { srCreateSchema, srSchema } from '../../model/sr.ts'
import { vdiCreateSchema, vdiSchema } from '../../model/vdi.ts'
import { accessRoutes } from './access-routes.ts'
import { replicationRoutes } from './replication-routes.ts'
import { defineRoutes } from './route.ts'
import { emptySchema, healthSchema, leftoverSchema } from './shared.ts'

/** The storage manager's API. */
export const storageRoutes = defineRoutes({
  health: {
    method: 'GET',
    path: '/health',
    role: 'anyone',
    summary: 'Is the daemon alive',
    response: healthSchema,
  },
  ...accessRoutes,
  facts: {
    method: 'GET',
    path: '/facts',
    role: 'viewer',
    summary: 'What this storage manager can do',
    response: z.object({
      host: z.string(),
      apiVersion: z.string(),
      fingerprint: fingerprintSchema,
      replicationSchemes: z.array(z.string()),
      keepModes: z
        .array(keepModeSchema)
        .default([])
        .describe('how it can keep replicas, best first'),
      encryptionObstacle: encryptionObstacleSchema,
      deviceKind: deviceKindSchema,
      verifies: z.boolean().default(false).describe('it can compare both sides of a replication'),
    }),
  },
  listSrs: {
    method: 'GET',
    path: '/srs',
    role: 'viewer',
    summary: 'SR.ls',
    response: z.array(srSchema),
  },
  createSr: {
    method: 'POST',
    path: '/srs',
    role: 'administrator',
    summary: 'SR.create: makes a volume store known',
    body: srCreateSchema,
    response: srSchema,
    status: 201,
    errors: ['SR_UNUSABLE', 'ALREADY_EXISTS', 'NOT_SUPPORTED'],
  },
  forgetSr: {
    method: 'DELETE',
    path: '/srs/{sr}',
    role: 'administrator',
    summary: 'SR.forget: its volumes stay as they are',
    response: emptySchema,
    errors: ['NOT_FOUND', 'BUSY'],
  },
  listVdis: {
    method: 'GET',
    path: '/vdis',
    role: 'viewer',
    summary: 'VDI.ls',
    query: z.object({ sr: z.string().optional(), device: z.string().optional() }),
    response: z.array(vdiSchema),
  },
  createVdi: {
    method: 'POST',
    path: '/vdis',
    role: 'operator',
    summary: 'VDI.create: a volume that reads as zeroes',
    body: vdiCreateSchema.extend({ id: z.uuid().optional() }),
    response: vdiSchema,
    status: 201,
    errors: ['NOT_FOUND', 'SR_FULL', 'NOT_SUPPORTED'],
  },
  getVdi: {
    method: 'GET',
    path: '/vdis/{vdi}',
    role: 'viewer',
    summary: 'VDI.stat',
    response: vdiSchema,
    errors: ['NOT_FOUND'],
  },
  destroyVdi: {
    method: 'DELETE',
    path: '/vdis/{vdi}',
    role: 'operator',
    summary: 'VDI.destroy',
    response: emptySchema,
    errors: ['WRONG_STATE'],
  },
  attach: {
    method: 'POST',
    path: '/vdis/{vdi}/attach',
    role: 'administrator',
    summary: 'VDI.attach',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  activate: {
    method: 'POST',
    path: '/vdis/{vdi}/activate',
    role: 'administrator',
    summary: "VDI.activate: answers the VM's device",
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  deactivate: {
    method: 'POST',
    path: '/vdis/{vdi}/deactivate',
    role: 'administrator',
    summary: 'VDI.deactivate',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY'],
  },
  detach: {
    method: 'POST',
    path: '/vdis/{vdi}/detach',
    role: 'administrator',
    summary: 'VDI.detach',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE'],
  },
  adopt: {
    method: 'POST',
    path: '/vdis/{vdi}/adopt',
    role: 'administrator',
    summary: 'Takes over the device of a running VM that was started without us',
    body: z.object({ device: z.string() }),
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'DISK_NOT_MAPPED'],
  },
  disown: {
    method: 'POST',
    path: '/vdis/{vdi}/disown',
    role: 'administrator',
    summary: 'Gives an adopted device back as it was',
    response: vdiSchema,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY'],
  },
  getReplicationTarget: {
    method: 'POST',
    path: '/vdis/{vdi}/replication-target',
    role: 'administrator',
    summary:
      'VDI.get_replication_target: one URI that is enough for another storage manager to start the mirror',
    body: z
      .object({
        schemes: z.array(z.string()).optional(),
        source: fingerprintSchema.optional(),
      })
      .default({}),
    response: z.object({ uri: z.string(), replication: z.string() }),
    status: 201,
    errors: ['NOT_FOUND', 'WRONG_STATE', 'BUSY', 'NOT_SUPPORTED', 'NO_FREE_MINOR', 'NO_FREE_PORT'],
  },
  replicateTo: {
    method: 'POST',
    path: '/vdis/{vdi}/replicate-to',
    role: 'administrator',
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
  relocate: {
    method: 'POST',
    path: '/vdis/{vdi}/relocate',
    role: 'operator',
    summary: 'VDI.relocate: begins to move the disk, in use or not, to another SR of this host',
    body: z.object({ sr: z.string().describe('id of the SR') }),
    response: vdiSchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'NOT_SUPPORTED', 'SR_FULL'],
  },
  watchRelocation: {
    method: 'GET',
    path: '/vdis/{vdi}/relocation/events',
    role: 'viewer',
    summary: 'How far the move is, at every change, until it is over',
    response: relocationSchema,
    events: true,
    isLast: (relocation: Relocation) => isOver(relocation),
    errors: ['NOT_FOUND'],
  },
  cancelRelocation: {
    method: 'DELETE',
    path: '/vdis/{vdi}/relocation',
    role: 'operator',
    summary: 'Takes the move back if it is not over; answers when it is',
    response: emptySchema,
  },
  ...replicationRoutes,
  leftovers: {
    method: 'GET',
    path: '/leftovers',
    role: 'viewer',
    summary: 'Everything of ours on this host and why it is there',
    response: z.array(leftoverSchema),
  },
  cleanLeftovers: {
    method: 'DELETE',
    path: '/leftovers',
    role: 'administrator',
    summary: 'Removes what has no reason; answers it, with why it stays where it is in use',
    response: z.array(leftoverSchema),
  },
})
