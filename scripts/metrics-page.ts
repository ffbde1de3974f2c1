import {
  commonMetrics,
  type MetricTable,
  storageMetrics,
  toolstackMetrics,
} from '../src/metrics/metric-table.ts'
import { markdownTable } from './markdown-table.ts'

export function metricsPage(): string {
  return `# Metrics

Both daemons answer \`GET /metrics\` in Prometheus's text format: see [monitoring](../operating/monitoring.md).
Times are in seconds and sizes in bytes, as Prometheus wants it.

## Both daemons

${table(commonMetrics)}

Besides these there are the \`process_*\` and \`nodejs_*\` metrics of
[prom-client](https://github.com/siimon/prom-client#default-metrics): processor, memory, garbage collection, and
the lag of the event loop (\`nodejs_eventloop_lag_seconds\`).

## The toolstack, xapi

${table(toolstackMetrics)}

## The storage manager, sm

${table(storageMetrics)}
`
}

function table(metrics: MetricTable): string {
  const rows = Object.values(metrics).map(({ name, type, help, labels = [] }) => [
    ...[`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help],
  ])
  return markdownTable([['metric', 'type', 'labels', 'what'], ...rows])
}
