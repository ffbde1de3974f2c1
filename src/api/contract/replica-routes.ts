import { z } from 'zod'
import { claimSchema, droppedReplicaSchema, replicaSchema } from '../../model/replica.ts'
import { replicaScheduleSchema, replicaScheduleWishSchema } from '../../model/replica-schedule.ts'
import { defineRoutes } from './route.ts'
import { emptySchema } from './shared.ts'

/** The part of xapi's API that is about replicas which are kept. */
export const replicaRoutes = defineRoutes({
  listReplicas: {
    method: 'GET',
    path: '/replicas',
    role: 'viewer',
    summary: 'Replicas that this host keeps, and those that its own disks have elsewhere',
    response: z.array(replicaSchema),
  },
  dropReplicas: {
    method: 'DELETE',
    path: '/replicas/{replica}',
    role: 'operator',
    summary: 'Ends one, or all of a VM, on both hosts: by its id, or the id or name of the VM',
    response: z.array(droppedReplicaSchema),
    errors: ['NOT_FOUND'],
  },
  listReplicaSchedules: {
    method: 'GET',
    path: '/replica-schedules',
    role: 'viewer',
    summary: 'VMs whose replicas this host brings up to date by itself, and how far that is',
    response: z.array(replicaScheduleSchema),
  },
  getReplicaSchedule: {
    method: 'GET',
    path: '/replica-schedules/{vm}',
    role: 'viewer',
    summary: 'The schedule of one VM, by its UUID or name',
    response: replicaScheduleSchema,
    errors: ['NOT_FOUND'],
  },
  putReplicaSchedule: {
    method: 'PUT',
    path: '/replica-schedules/{vm}',
    role: 'operator',
    summary:
      'Keeps replicas of its disks at another host, now and again and again; in place of the schedule that it had',
    body: replicaScheduleWishSchema,
    response: replicaScheduleSchema,
    errors: ['NOT_FOUND', 'BAD_REQUEST', 'PEER_UNTRUSTED'],
  },
  removeReplicaSchedule: {
    method: 'DELETE',
    path: '/replica-schedules/{vm}',
    role: 'operator',
    summary: 'Refreshes them no more; the replicas, and a refresh that is under way, stay',
    response: emptySchema,
    errors: ['NOT_FOUND'],
  },
  replicaDropped: {
    method: 'POST',
    path: '/replicas/{replica}/dropped',
    role: 'administrator',
    peers: true,
    summary: 'Between xapis: the other side has ended it',
    response: emptySchema,
    errors: ['BUSY', 'NOT_FOUND'],
  },
  getClaim: {
    method: 'GET',
    path: '/claims/{vm}',
    role: 'administrator',
    peers: true,
    summary: 'Between xapis: has the host that keeps a replica been given the VM',
    response: claimSchema,
  },
})
