import type { Vm } from '../../../model/vm.ts'
import type { XenRecord } from '../classes/describe-class.ts'
import type { ClassName } from '../classes/index.ts'
import { XenApiFailure } from '../failure.ts'
import { identities } from '../view/identities.ts'
import type { FaceParts } from './handler.ts'

/** @throws HANDLE_INVALID */
export function findRecord({ view }: FaceParts, className: ClassName, ref: string): XenRecord {
  const record = view.log.find(className, ref)
  if (!record) throw new XenApiFailure('HANDLE_INVALID', className, ref)
  return record
}

/** The engine's VM behind a reference. @throws HANDLE_INVALID */
export async function findVm({ backend }: FaceParts, ref: string): Promise<Vm> {
  const vms = await backend.toolstack.listVms()
  const vm = vms.find(({ id }) => identities.vm(id).ref === ref)
  if (!vm) throw new XenApiFailure('HANDLE_INVALID', 'VM', ref)
  return vm
}

export function textField(record: XenRecord, name: string): string {
  const value = record[name]
  return typeof value === 'string' ? value : ''
}
