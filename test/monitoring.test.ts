import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { createMetrics } from '../src/metrics/create-metrics.ts'
import { storageMetrics, toolstackMetrics } from '../src/metrics/metric-table.ts'

/** What is packaged for Prometheus and Grafana asks only for what the daemons tell. */
const packaging = resolve(import.meta.dirname, '../packaging')
const read = (file: string) => readFileSync(join(packaging, file), 'utf8')

const tables = [storageMetrics, toolstackMetrics]
const registries: Registry[] = tables.map(
  (table) => createMetrics({ name: 'test', apiVersion: '1.0' }, table).registry,
)
const known = new Set(
  registries.flatMap((registry) =>
    registry.getMetricsAsArray().flatMap(({ name, type }) => {
      const isHistogram = String(type) === 'histogram'
      return isHistogram ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name]
    }),
  ),
)

const panelSchema = z.object({
  title: z.string(),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(z.object({ expr: z.string() })).default([]),
})
const dashboard = z
  .object({ uid: z.literal('crosspool'), panels: z.array(panelSchema).min(10) })
  .parse(JSON.parse(read('grafana/crosspool.json')))

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          ...{ alert: z.string(), expr: z.string(), for: z.string().optional() },
          labels: z.object({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.object({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
})
const alerts = rulesSchema
  .parse(parse(read('prometheus/crosspool-alerts.yml')))
  .groups.flatMap(({ rules }) => rules)

const expressions = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr])),
  ...alerts.map(({ alert, expr }) => [alert, expr]),
] as const

/** Names of metrics in a query: words of our namespaces outside of quotes. */
const metricsIn = (expr = '') =>
  expr.replace(/"[^"]*"/g, '').match(/\b(crosspool|nodejs|process)_\w+/g) ?? []

it.each(expressions)('%s asks for what there is', (_title, expr) => {
  const asked = metricsIn(expr)
  expect(asked).not.toEqual([])
  expect(asked.filter((name) => !known.has(name))).toEqual([])
})

it('would notice a metric that is not there', () => {
  expect(
    metricsIn('rate(crosspool_migration_total[5m])').filter((name) => known.has(name)),
  ).toEqual([])
})

it('labels by which it sorts are there too', () => {
  const labels = new Set<string>(
    tables.flatMap((table) =>
      Object.values(table).flatMap((row) => ('labels' in row ? [...row.labels] : [])),
    ),
  )
  for (const common of ['instance', 'le', 'daemon', 'version', 'route', 'status'])
    labels.add(common)
  const asked = expressions.flatMap(([, expr = '']) =>
    [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
  )
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.filter((label) => !labels.has(label))).toEqual([])
})
