import type { MigrateRequest } from '../../../model/migration.ts'
import { type Destination, readDestination } from '../destination.ts'
import { XenApiFailure } from '../failure.ts'
import { findRecord, textField } from './find-objects.ts'
import type { FaceParts } from './handler.ts'
import { refuseOthers, withOptions } from './migration-options.ts'

type Texts = Readonly<Record<string, string>>

export interface SendParameters {
  readonly vm: string
  readonly dest: Texts
  readonly vdi_map: Texts
  readonly vif_map: Texts
  readonly options: Texts
}

/** What `VM.migrate_send` asks for, in the engine's words. */
export function readSend(
  parts: FaceParts,
  { vm, dest, vdi_map, vif_map, options }: SendParameters,
): { readonly destination: Destination; readonly request: MigrateRequest } {
  const destination = readDestination(dest)
  if (options.copy === 'true')
    throw new XenApiFailure('OPERATION_NOT_ALLOWED', 'a running VM is moved, not copied')
  const srMap = Object.entries(vdi_map).flatMap(([vdi, sr]) => {
    findRecord(parts, 'VDI', vdi)
    const id = destination.srs[sr]
    if (id === undefined) throw new XenApiFailure('VM_REQUIRES_SR', vm, sr)
    return slotsOf(parts, vm, vdi).map((slot) => [slot, id])
  })
  const networkMap = Object.entries(vif_map).map(([vif, network]) => {
    const record = findRecord(parts, 'VIF', vif)
    if (record.VM !== vm)
      throw new XenApiFailure('OPERATION_NOT_ALLOWED', `VIF ${vif} is not an interface of this VM`)
    const name = destination.networks[network]
    if (name === undefined) throw new XenApiFailure('VM_REQUIRES_NETWORK', vm, network)
    return [textField(record, 'MAC'), name]
  })
  const maps = { srMap: Object.fromEntries(srMap), networkMap: Object.fromEntries(networkMap) }
  const request = withOptions({ destination: destination.url, ...maps }, options)
  return { destination, request }
}

function slotsOf({ view }: FaceParts, vm: string, vdi: string): string[] {
  const used = view.log.all('VBD').filter(({ record }) => record.VM === vm && record.VDI === vdi)
  if (used.length === 0)
    throw new XenApiFailure('OPERATION_NOT_ALLOWED', `VDI ${vdi} is not a disk of this VM`)
  return used.map(({ record }) => textField(record, 'device'))
}

/** Of VM.migrate, whose maps are the engine's own. */
export function readMigrate(parameters: {
  readonly destination: string
  readonly sr_map: Texts
  readonly network_map: Texts
  readonly options: Texts
}): MigrateRequest {
  const { destination, sr_map: srMap, network_map: networkMap, options } = parameters
  refuseOthers(options)
  return withOptions({ destination, srMap, networkMap }, options)
}
