/** What a daemon tells Prometheus. The reference page is made from these tables. */
interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  /** Of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}
export type MetricTable = Readonly<Record<string, MetricRow>>

const phase = ['phase']

/** Of both daemons; Node's own `process_*` and `nodejs_*` metrics are added by the library. */
export const commonMetrics = {
  buildInfo: {
    type: 'gauge',
    name: 'crosspool_build_info',
    help: 'Always 1; the labels tell what runs',
    labels: ['daemon', 'version', 'api_version', 'node_version'],
  },
  requests: {
    type: 'histogram',
    name: 'crosspool_http_request_seconds',
    help: 'Answered requests, and how long they took; event streams count when they end',
    labels: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10],
  },
} as const satisfies MetricTable

export const toolstackMetrics = {
  ended: {
    type: 'counter',
    name: 'crosspool_migrations_total',
    help: 'Migrations from this host that have ended; phase: the last one that was begun',
    labels: ['result', 'phase'],
  },
  running: {
    type: 'gauge',
    name: 'crosspool_migrations_running',
    help: 'Migrations from this host under way, by the phase that each is in',
    labels: phase,
  },
  phaseSeconds: {
    type: 'histogram',
    name: 'crosspool_migration_phase_seconds',
    help: 'How long a phase took that was completed; phase queue: how long it waited for its turn',
    labels: phase,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200],
  },
  blackoutSeconds: {
    type: 'histogram',
    name: 'crosspool_migration_blackout_seconds',
    help: 'How long the VM stood still in a migration that succeeded',
    buckets: [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10],
  },
  handoverSeconds: {
    type: 'histogram',
    name: 'crosspool_migration_handover_seconds',
    help: "The disks' share of the blackout",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 5],
  },
  replicatedBytes: {
    type: 'counter',
    name: 'crosspool_migration_replicated_bytes_total',
    help: 'Bytes of disks sent by migrations that have ended',
  },
  writeLatency: {
    type: 'gauge',
    name: 'crosspool_migration_write_latency_seconds',
    help: "Mean time of the guest's writes in the last interval of the heartbeat, while its VM migrates",
    labels: ['vm', 'slot'],
  },
  heartbeatsMissed: {
    type: 'counter',
    name: 'crosspool_heartbeats_missed_total',
    help: 'Heartbeats of migrations from this host that were not answered',
  },
  waiting: {
    type: 'gauge',
    name: 'crosspool_migrations_waiting',
    help: 'Length of the queue: migrations that wait until there is room for them',
  },
  waitingSeconds: {
    type: 'gauge',
    name: 'crosspool_migration_wait_seconds_max',
    help: 'How long the one at the head of the queue has waited; 0 when nobody waits',
  },
  arriving: {
    type: 'gauge',
    name: 'crosspool_receivers',
    help: 'VMs that are arriving at this host, by state',
    labels: ['state'],
  },
  unsettled: {
    type: 'gauge',
    name: 'crosspool_ownerships_unsettled',
    help: 'VMs that were released or told to start, and the other host has not confirmed it; at most a minute old',
  },
  schedules: {
    type: 'gauge',
    name: 'crosspool_replica_schedules',
    help: 'VMs whose replicas this host refreshes at times, by what came of the last time (none: nothing yet)',
    labels: ['state', 'result'],
  },
  schedulesOverdue: {
    type: 'gauge',
    name: 'crosspool_replica_schedules_overdue',
    help: 'Those that run here, and of which no refresh has succeeded for two intervals',
  },
} as const satisfies MetricTable

const replication = ['replication', 'vdi', 'side']

export const storageMetrics = {
  replications: {
    type: 'gauge',
    name: 'crosspool_replications',
    help: 'Replications of this host, by state',
    labels: ['side', 'state'],
  },
  sizeBytes: {
    type: 'gauge',
    name: 'crosspool_replication_size_bytes',
    help: 'Size of the disk',
    labels: replication,
  },
  outOfSyncBytes: {
    type: 'gauge',
    name: 'crosspool_replication_out_of_sync_bytes',
    help: 'Still to be copied',
    labels: replication,
  },
  bytesPerSecond: {
    type: 'gauge',
    name: 'crosspool_replication_bytes_per_second',
    help: 'What goes over the link, over the last seconds',
    labels: replication,
  },
  leftovers: {
    type: 'gauge',
    name: 'crosspool_leftovers',
    help: 'Things of Crosspool on this host without a reason to be there; at most a minute old',
  },
  srFreeBytes: {
    type: 'gauge',
    name: 'crosspool_sr_free_bytes',
    help: 'Room in an SR; at most a minute old',
    labels: ['sr', 'name'],
  },
  srSizeBytes: {
    type: 'gauge',
    name: 'crosspool_sr_size_bytes',
    help: 'Size of an SR; at most a minute old',
    labels: ['sr', 'name'],
  },
} as const satisfies MetricTable
