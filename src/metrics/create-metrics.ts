import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { version } from '../lib/version.ts'
import { commonMetrics, type MetricTable } from './metric-table.ts'

interface Kinds {
  readonly counter: Counter
  readonly gauge: Gauge
  readonly histogram: Histogram
}

/** One of prom-client's metrics for each row of a table. */
export type Metrics<T extends MetricTable> = { readonly [K in keyof T]: Kinds[T[K]['type']] }

interface DaemonMetrics<T extends MetricTable> {
  readonly registry: Registry
  readonly common: Metrics<typeof commonMetrics>
  readonly own: Metrics<T>
}

/** Metrics, and what brings them up to date before they are read. */
export interface Measured<T extends MetricTable = MetricTable> {
  readonly metrics: DaemonMetrics<T>
  refresh(): Promise<void>
}

/** Everything that a daemon tells, in a registry of its own. */
export function createMetrics<T extends MetricTable>(
  daemon: { readonly name: string; readonly apiVersion: string },
  table: T,
): DaemonMetrics<T> {
  const registry = new Registry()
  collectProcessMetrics(registry)
  const common = fromTable(commonMetrics, registry)
  const { name, apiVersion } = daemon
  common.buildInfo.set(
    { daemon: name, version, api_version: apiVersion, node_version: process.versions.node },
    1,
  )
  return { registry, common, own: fromTable(table, registry) }
}

/**
 * What prom-client knows of the process, but for the spread of the event loop's lag: to measure that it wakes the
 * process a hundred times a second for ever. The lag itself is measured when somebody asks.
 */
function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: neverMs })
  for (const part of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'])
    registry.removeSingleMetric(`nodejs_eventloop_lag_${part}_seconds`)
}

/** The longest that a timer takes. */
const neverMs = 2 ** 31 - 1

function fromTable<T extends MetricTable>(table: T, registry: Registry): Metrics<T> {
  const made = Object.entries(table).map(([key, { type, name, help, labels = [], buckets }]) => {
    const options = { name, help, labelNames: [...labels], registers: [registry] }
    if (type === 'counter') return [key, new Counter(options)]
    if (type === 'gauge') return [key, new Gauge(options)]
    return [key, new Histogram({ ...options, ...(buckets ? { buckets: [...buckets] } : {}) })]
  })
  // Each entry has the kind that its row names.
  return Object.fromEntries(made) as Metrics<T>
}
