import type { XenClass } from './describe-class.ts'
import { hostClass, hostMetricsClass, networkClass, pifClass, poolClass } from './host-classes.ts'
import { pbdClass, srClass, vdiClass } from './storage-classes.ts'
import { taskClass, vbdClass, vifClass, vmClass, vmMetricsClass } from './vm-classes.ts'

/** Every class with objects. What is not here, no client is told of. */
export const xenClasses = {
  pool: poolClass,
  host: hostClass,
  host_metrics: hostMetricsClass,
  VM: vmClass,
  VM_metrics: vmMetricsClass,
  VBD: vbdClass,
  VDI: vdiClass,
  SR: srClass,
  PBD: pbdClass,
  network: networkClass,
  PIF: pifClass,
  VIF: vifClass,
  task: taskClass,
} as const satisfies Readonly<Record<string, XenClass>>

export type ClassName = keyof typeof xenClasses
export const classNames = Object.values(xenClasses).map(({ name }) => name)

/** Events name classes in lower case. */
export function classOfLowerCase(name: string): ClassName | undefined {
  return classNames.find((candidate) => candidate.toLowerCase() === name.toLowerCase())
}
