import type { AuditEntry, Peer, Token } from '../../src/model/access.ts'
import type { Host } from '../../src/model/host.ts'
import type { Inventory, KnownInventory } from '../../src/model/inventory.ts'
import type { MigrationDetails, ReceiveRequest } from '../../src/model/migration.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { Ownership } from '../../src/model/ownership.ts'
import type { Receiver } from '../../src/model/receiver.ts'
import type { Refresh } from '../../src/model/refresh.ts'
import type { Replica } from '../../src/model/replica.ts'
import type { ReplicaSchedule } from '../../src/model/replica-schedule.ts'
import type { Replication } from '../../src/model/replication.ts'
import type { Sending } from '../../src/model/sending.ts'
import type { Sr } from '../../src/model/sr.ts'
import type { Vdi } from '../../src/model/vdi.ts'
import type { Vm } from '../../src/model/vm.ts'

/** One valid document of each kind, for tests of whatever carries or shows them. */
export const sample = {
  identity: {
    fingerprint: 'sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    url: 'https://10.0.0.1:7311',
  },
  token: {
    id: 'token-1',
    name: 'grafana',
    role: 'viewer',
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: null,
  },
  peer: {
    name: 'beta1',
    pool: 'beta',
    url: 'https://10.0.0.2:7311',
    fingerprint: 'sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=',
    trustedAtMs: 1_700_000_000_000,
  },
  auditEntry: {
    atMs: 1_700_000_000_000,
    who: 'token deploy',
    what: 'migrate',
    on: '/v1/vms/database/migrate',
    result: 'done',
  },
  sr: {
    id: '7f8f6c6e-1111-4111-8111-000000000001',
    name: 'local',
    type: 'lvm',
    shared: false,
    canCreate: true,
    configuration: { volumeGroup: 'vg0' },
    sizeBytes: 64 * 1024 ** 3,
    freeBytes: 20 * 1024 ** 3,
  },
  vdi: {
    id: 'vg0/database-disk',
    sr: '7f8f6c6e-1111-4111-8111-000000000001',
    name: 'database-disk',
    sizeBytes: 8 * 1024 ** 3,
    allocatedBytes: 3 * 1024 ** 3,
    format: 'raw',
    managed: true,
    state: 'activated',
    device: '/dev/mapper/crosspool-1',
    replication: 'r-1',
  },
  replication: {
    id: 'r-1',
    vdi: 'vg0/database-disk',
    side: 'source',
    provider: 'drbd+wireguard',
    encrypted: true,
    state: 'syncing',
    sizeBytes: 8 * 1024 ** 3,
    outOfSyncBytes: 2 * 1024 ** 3,
    sentBytes: 1024 ** 3,
    bytesPerSecond: 110 * 1024 ** 2,
    etaMs: 19_000,
    bytesPerSecondMax: null,
    reason: null,
    kept: null,
  },
  vm: {
    id: '2f3c1d7e-0000-4000-8000-000000000001',
    name: 'database',
    state: 'running',
    vcpus: 2,
    memoryBytes: 1024 ** 3,
    disks: [{ slot: 'xvda', device: '/dev/vg0/database', readOnly: false }],
    interfaces: [{ slot: '0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }],
    obstacles: [],
    host: 'alpha1',
    epoch: 0,
    operation: null,
  },
  host: {
    hypervisor: 'xen',
    version: '4.17.5',
    memoryBytes: 16 * 1024 ** 3,
    freeMemoryBytes: 12 * 1024 ** 3,
    cpuModel: 'AMD EPYC',
    name: 'alpha1',
    pool: 'alpha',
    url: 'https://10.0.0.1:7311',
    reachable: true,
    networks: [{ name: 'xenbr0' }],
    clockMs: 1_700_000_000_000,
    apiVersion: '1.0',
    replicationSchemes: ['drbd+wireguard'],
    encryptionObstacle: null,
    keepModes: [],
    memoryEncodings: ['plain', 'deflate'],
    deviceKind: 'block',
  },
  ownership: {
    vm: '2f3c1d7e-0000-4000-8000-000000000001',
    name: 'database',
    epoch: 3,
    state: 'released',
    settled: false,
    explanation: 'operation o-1 has released it, and the destination has not answered yet',
    decides: "the destination's word",
    decisions: ['claim'],
  },
  receiver: {
    id: 'rc-1',
    operation: 'o-1',
    vm: '2f3c1d7e-0000-4000-8000-000000000001',
    epoch: 1,
    state: 'reserved',
    reason: null,
    disks: [{ slot: 'xvda', vdi: 'v-2', sr: 's-2', replicationUri: null }],
    memoryPath: '/v1/receivers/rc-1/memory',
    heartbeatPath: '/v1/receivers/rc-1/heartbeat',
  },
  receiveRequest: {
    operation: 'o-1',
    source: {
      host: 'alpha1',
      pool: 'alpha',
      clockMs: 1_700_000_000_000,
      apiVersion: '1.0',
      replicationSchemes: ['drbd+wireguard'],
      encryptionObstacle: null,
    },
    epoch: 1,
    vm: {
      id: '2f3c1d7e-0000-4000-8000-000000000001',
      name: 'database',
      state: 'running',
      vcpus: 2,
      memoryBytes: 1024 ** 3,
      disks: [],
      interfaces: [],
      obstacles: [],
      hypervisor: 'xen',
      details: { type: 'pvh' },
      cpuPolicy: {},
    },
    disks: [],
    interfaces: [],
    heartbeatIntervalMs: 1_000,
    heartbeatDeadlineMs: 10_000,
  },
  operation: {
    id: 'o-1',
    kind: 'migrate',
    subject: '2f3c1d7e-0000-4000-8000-000000000001',
    state: 'running',
    progress: 0.4,
    steps: [
      { name: 'preflight', state: 'done', startedAtMs: 1_000, endedAtMs: 1_800 },
      { name: 'replicate-disks', state: 'running', startedAtMs: 1_800, endedAtMs: null },
      { name: 'send-memory', state: 'waiting', startedAtMs: null, endedAtMs: null },
    ],
    details: {},
    error: null,
    startedAtMs: 1_000,
    endedAtMs: null,
  },
  migrationDetails: {
    vm: '2f3c1d7e-0000-4000-8000-000000000001',
    vmName: 'database',
    hypervisor: 'xen',
    from: { pool: 'alpha', host: 'alpha1' },
    to: { pool: 'beta', host: 'beta1' },
    epoch: 1,
    disks: [
      {
        slot: 'xvda',
        vdi: 'v-1',
        sourceSr: 'local',
        sr: 'fast',
        sizeBytes: 8 * 1024 ** 3,
        replicated: true,
        replication: 'r-1',
        encrypted: true,
        state: 'syncing',
        outOfSyncBytes: 2 * 1024 ** 3,
        sentBytes: 1024 ** 3,
        bytesPerSecond: 110 * 1024 ** 2,
        etaMs: 19_000,
        writeLatency: { nowUs: 1_240, beforeUs: 410, duringUs: 1_180, afterUs: null },
      },
    ],
    bytesPerSecondMax: null,
    memory: {
      ...{ sentBytes: 0, totalBytes: 1024 ** 3, bytesPerSecond: 0 },
      ...{ etaMs: null, passes: null, crossedBytes: null },
    },
    heartbeat: { sequence: 12, missed: 0, clockSkewMs: 3, roundTripMs: 2 },
    checks: [],
    released: false,
    verification: null,
    keptDisks: [],
    keep: null,
    figures: {
      totalMs: null,
      syncMs: null,
      memoryMs: null,
      pausedMs: null,
      handoverMs: null,
      releaseMs: null,
      takeMs: null,
      bytesReplicated: 0,
      memoryBytesCrossed: null,
    },
  },
  sending: {
    id: 's-1',
    vm: 'vm-1',
    state: 'sending',
    sentBytes: 1,
    totalBytes: 2,
    reason: null,
  },
} satisfies {
  identity: { fingerprint: string; url: string }
  token: Token
  peer: Peer
  auditEntry: AuditEntry
  ownership: Ownership
  sending: Sending
  sr: Sr
  vdi: Vdi
  replication: Replication
  vm: Vm
  host: Host
  receiver: Receiver
  receiveRequest: ReceiveRequest
  operation: Operation
  migrationDetails: MigrationDetails
}

export const sampleInventory: Inventory = {
  host: sample.host,
  vms: [sample.vm],
  srs: [sample.sr],
  vdis: [{ ...sample.vdi, format: 'raw', state: 'activated' }],
  replications: [{ ...sample.replication, side: 'source', state: 'syncing' }],
  replicas: [],
  operations: [sample.operation],
}

export const sampleKnownInventory: KnownInventory = {
  ...{ name: sample.host.name, pool: sample.host.pool, url: sample.host.url },
  inventory: sampleInventory,
  problem: null,
}

export const sampleReplica: Replica = {
  ...{ id: 'r-2', vm: sample.vm.id, vmName: sample.vm.name, slot: 'xvda', here: 'replica' },
  ...{ vdi: sample.vdi.id, sr: sample.sr.id, other: 'beta/beta1', mode: 'every-write' },
  ...{
    state: 'interrupted',
    reason: 'the link is down',
    sizeBytes: 8 * 1024 ** 3,
    allocatedBytes: 3 * 1024 ** 3,
  },
  ...{ differingBytes: 64 * 1024 ** 2, sinceMs: 1_700_000_000_000, untilMs: null },
  ...{ lackingSinceMs: 1_700_000_000_000, isWhole: true, refresh: null },
}

const sampleRefresh: Refresh = {
  ...{ operation: 'o-2', startedAtMs: 1_700_000_000_000, endedAtMs: 1_700_000_060_000 },
  ...{ result: 'succeeded', bytesReplicated: 64 * 1024 ** 2, error: null },
}

export const sampleSchedule: ReplicaSchedule = {
  ...{ vm: sample.vm.id, vmName: sample.vm.name, destination: 'beta/beta1', everyMs: 3_600_000 },
  ...{ srMap: {}, networkMap: {}, keepReplica: { forMs: 604_800_000, mode: 'difference' } },
  ...{ createdAtMs: 1_699_990_000_000, state: 'waiting', nextAtMs: 1_700_003_600_000 },
  ...{ operation: null, failures: 0, succeededAtMs: 1_700_000_060_000, isOverdue: false },
  last: sampleRefresh,
}
