import type { z } from 'zod'
import { type MigrateRequest, receiveRequestSchema } from '../../../model/migration.ts'
import type { Vm } from '../../../model/vm.ts'
import type { migrationCalls } from '../calls/migration-calls.ts'
import { writeDestination } from '../destination.ts'
import { XenApiFailure } from '../failure.ts'
import { identities } from '../view/identities.ts'
import { badPowerState } from '../view/vm-objects.ts'
import { findRecord, findVm } from './find-objects.ts'
import type { Begun, CallHandlers, FaceParts } from './handler.ts'
import { readMigrate, readSend } from './migration-request.ts'
import { preflightFailure } from './preflight-failure.ts'

/** All of them lead to the engine's one migration. */
export function migrationHandlers(parts: FaceParts): CallHandlers<typeof migrationCalls> {
  const { backend } = parts
  const { toolstack, environment } = backend

  async function findPresent(ref: string): Promise<Vm> {
    const vm = await findVm(parts, ref)
    if (vm.state === 'halted') throw badPowerState(vm, 'Running')
    return vm
  }

  async function begin(ref: string, request: MigrateRequest, answer = ref): Promise<Begun> {
    const { id } = await findPresent(ref)
    return { operation: await toolstack.migrate(id, request), answer }
  }

  return {
    'VM.migrate': ({ vm, ...wanted }) => begin(vm, readMigrate(wanted)),

    'VM.receive': async ({ request }) => {
      const wanted = readDocument('request', receiveRequestSchema, request)
      const { receiver, token } = await toolstack.receivers.receive(wanted)
      return { receiver: JSON.stringify(receiver), token }
    },

    'host.migrate_receive': async ({ host, network }) => {
      findRecord(parts, 'host', host)
      findRecord(parts, 'network', network)
      const [here, srs] = await Promise.all([backend.describeHost(), environment.storage.listSrs()])
      return writeDestination(here, srs)
    },

    'VM.assert_can_migrate': async (parameters) => {
      const vm = await findPresent(parameters.vm)
      const { destination, request } = readSend(parts, parameters)
      const preflight = await toolstack.preflight(vm.id, request)
      const source = { pool: environment.pool, name: environment.host }
      const failure = preflightFailure(preflight, { vm, source, hostRef: destination.hostRef })
      if (failure) throw failure
      return ''
    },

    'VM.migrate_send': async (parameters) => {
      await findVm(parts, parameters.vm)
      return begin(parameters.vm, readSend(parts, parameters).request)
    },

    'VDI.pool_migrate': async ({ vdi, sr }) => {
      const { storage } = environment
      const [vdis, srs] = await Promise.all([storage.listVdis(), storage.listSrs()])
      const disk = vdis.find(({ id }) => identities.vdi(id).ref === vdi)
      if (!disk) throw new XenApiFailure('HANDLE_INVALID', 'VDI', vdi)
      const to = srs.find(({ id }) => identities.sr(id).ref === sr)
      if (!to) throw new XenApiFailure('HANDLE_INVALID', 'SR', sr)
      return { operation: await toolstack.moveDisk(disk.id, to.id), answer: vdi }
    },

    'VM.pool_migrate': async ({ vm, host, options: { compress } }) => {
      const destination = (await toolstack.hosts.list()).find(
        (known) => identities.host(known).ref === host,
      )
      if (!destination) throw new XenApiFailure('HANDLE_INVALID', 'host', host)
      const options = compress === undefined ? {} : { compress }
      const wanted = { destination: destination.url, sr_map: {}, network_map: {}, options }
      return begin(vm, readMigrate(wanted), '')
    },
  }
}

/** A document of the REST API in a parameter. @throws INVALID_VALUE */
export function readDocument<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  text: string,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new XenApiFailure('INVALID_VALUE', name, error instanceof Error ? error.message : text)
  }
}
