import { KiB } from '../../lib/units.ts'
import type { BlockReplicationState } from '../../ports/block-replicator.ts'
import type { DrbdEvent, DrbdSubject } from './parse-events.ts'

/** One resource of the kernel with the single volume and the single peer that ours have. */
export interface ResourceState extends BlockReplicationState {
  /** Null as long as the resource has no volume. */
  readonly minor: number | null
}

export type ResourceStates = ReadonlyMap<string, ResourceState>

/** The states after one event. Resources that nobody has told of are made with the first word of them. */
export function applyEvent(states: ResourceStates, event: DrbdEvent): ResourceStates {
  if (event.verb === 'complete') return states
  const { resource, kind } = event.subject
  const next = new Map(states)
  const known = states.get(resource) ?? nothingKnown
  if (event.verb !== 'destroy') next.set(resource, { ...known, ...told(event.subject) })
  else if (kind === 'resource') next.delete(resource)
  else if (states.has(resource)) next.set(resource, { ...known, ...gone[kind] })
  return next
}

const gone = {
  device: { minor: null, disk: 'Diskless' },
  connection: { connection: 'StandAlone', peerRole: 'Unknown' },
  'peer-device': { replication: 'Off', peerDisk: 'DUnknown', outOfSyncBytes: 0 },
} as const

const nothingKnown: ResourceState = {
  minor: null,
  role: 'Secondary',
  disk: 'Diskless',
  connection: 'StandAlone',
  peerRole: 'Unknown',
  replication: 'Off',
  peerDisk: 'DUnknown',
  outOfSyncBytes: 0,
  sentBytes: 0,
  receivedBytes: 0,
}

function told({ kind, values }: DrbdSubject): Partial<ResourceState> {
  switch (kind) {
    case 'resource':
      return { ...role(values, 'role') }
    case 'device':
      return { ...count(values, 'minor', 'minor', 1), ...text(values, 'disk', 'disk') }
    case 'connection':
      return { ...connection(values), ...role(values, 'peerRole') }
    case 'peer-device':
      return {
        ...text(values, 'replication', 'replication'),
        ...text(values, 'peer-disk', 'peerDisk'),
        ...count(values, 'out-of-sync', 'outOfSyncBytes', KiB),
        ...count(values, 'sent', 'sentBytes', KiB),
        ...count(values, 'received', 'receivedBytes', KiB),
      }
  }
}

type Values = ReadonlyMap<string, string>

function text(values: Values, key: string, field: keyof ResourceState): Partial<ResourceState> {
  const value = values.get(key)
  return value === undefined ? {} : { [field]: value }
}

function count(
  values: Values,
  key: string,
  field: keyof ResourceState,
  unit: number,
): Partial<ResourceState> {
  const value = values.get(key)
  return value === undefined ? {} : { [field]: Number(value) * unit }
}

function role(values: Values, field: 'role' | 'peerRole'): Partial<ResourceState> {
  const value = values.get('role')
  if (value === undefined) return {}
  return { [field]: value === 'Primary' || value === 'Secondary' ? value : 'Unknown' }
}

/** 8.4 says WFConnection where 9 says Connecting. */
function connection(values: Values): Partial<ResourceState> {
  const value = values.get('connection')
  if (value === undefined) return {}
  return { connection: value === 'WFConnection' ? 'Connecting' : value }
}
