import { z } from 'zod'
import { vmCreateSchema, vmRebootSchema, vmSchema } from '../../model/vm.ts'
import { defineRoutes } from './route.ts'
import { emptySchema } from './shared.ts'

/** The part of xapi's API that is about VMs which stay where they are. */
export const vmRoutes = defineRoutes({
  listVms: {
    method: 'GET',
    path: '/vms',
    role: 'viewer',
    summary: 'VMs of this host, whoever started them, and halted ones that can be started here',
    response: z.array(vmSchema),
  },
  getVm: {
    method: 'GET',
    path: '/vms/{vm}',
    role: 'viewer',
    summary: 'One VM, by UUID or name',
    response: vmSchema,
    errors: ['NOT_FOUND'],
  },
  startVm: {
    method: 'POST',
    path: '/vms',
    role: 'operator',
    summary: 'VM.start: starts a VM on VDIs of this host',
    body: vmCreateSchema,
    response: vmSchema,
    status: 201,
    errors: ['NOT_FOUND', 'ALREADY_EXISTS', 'BUSY', 'WRONG_STATE', 'NOT_SUPPORTED', 'MEMORY_SHORT'],
  },
  startHaltedVm: {
    method: 'POST',
    path: '/vms/{vm}/start',
    role: 'operator',
    summary: 'VM.start: starts a halted VM again, on the VDIs that it had',
    response: vmSchema,
    errors: ['NOT_FOUND', 'ALREADY_EXISTS', 'BUSY', 'WRONG_STATE', 'NOT_SUPPORTED', 'MEMORY_SHORT'],
  },
  shutdownVm: {
    method: 'POST',
    path: '/vms/{vm}/shutdown',
    role: 'operator',
    summary:
      'VM.clean_shutdown: asks the guest, and does not wait; its disks are put away at its end',
    response: emptySchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE'],
  },
  rebootVm: {
    method: 'POST',
    path: '/vms/{vm}/reboot',
    role: 'operator',
    summary: 'VM.clean_reboot, which asks the guest and does not wait, or VM.hard_reboot',
    body: vmRebootSchema,
    response: emptySchema,
    status: 202,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE', 'NOT_SUPPORTED'],
  },
  pauseVm: {
    method: 'POST',
    path: '/vms/{vm}/pause',
    role: 'operator',
    summary: 'VM.pause: the guest stands still, its memory kept',
    response: vmSchema,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE'],
  },
  unpauseVm: {
    method: 'POST',
    path: '/vms/{vm}/unpause',
    role: 'operator',
    summary: 'VM.unpause: a paused guest runs on',
    response: vmSchema,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE'],
  },
  destroyVm: {
    method: 'DELETE',
    path: '/vms/{vm}',
    role: 'operator',
    summary:
      'VM.hard_shutdown: ends it as if its power were cut, and puts its disks away. It is halted then, if it was started here',
    response: emptySchema,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE'],
  },
  forgetVm: {
    method: 'POST',
    path: '/vms/{vm}/forget',
    role: 'operator',
    summary: 'VM.destroy: drops the definition of a halted VM; its VDIs stay',
    response: emptySchema,
    errors: ['NOT_FOUND', 'BUSY', 'WRONG_STATE'],
  },
})
