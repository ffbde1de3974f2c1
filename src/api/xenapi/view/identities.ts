import { refOf, uuidOf } from '../refs.ts'

/** An object's name in the XenAPI: made of our ids, so that it is the same after a restart. */
export interface Identity {
  readonly uuid: string
  readonly ref: string
}

export interface Place {
  readonly pool: string
  /** The host's name, unique in its pool. */
  readonly name: string
}

function identity(className: string, id: string): Identity {
  return { uuid: uuidOf(className, id), ref: refOf(className, id) }
}

const placeOf = ({ pool, name }: Place) => `${pool}/${name}`

export const identities = {
  pool: (place: Place) => identity('pool', placeOf(place)),
  host: (place: Place) => identity('host', placeOf(place)),
  hostMetrics: (place: Place) => identity('host_metrics', placeOf(place)),
  controlDomain: (place: Place) => identity('VM', placeOf(place)),
  network: (place: Place, network: string) => identity('network', `${placeOf(place)}/${network}`),
  pif: (place: Place, network: string) => identity('PIF', `${placeOf(place)}/${network}`),
  sr: (id: string) => identity('SR', id),
  pbd: (place: Place, sr: string) => identity('PBD', `${placeOf(place)}/${sr}`),
  vdi: (id: string) => identity('VDI', id),
  vm: (id: string) => identity('VM', id),
  vmMetrics: (vm: string) => identity('VM_metrics', `${vm}/metrics`),
  vbd: (vm: string, slot: string) => identity('VBD', `${vm}/${slot}`),
  vif: (vm: string, slot: string) => identity('VIF', `${vm}/${slot}`),
  task: (id: string) => identity('task', id),
} as const
