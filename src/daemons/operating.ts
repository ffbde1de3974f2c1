import type { FastifyInstance } from 'fastify'
import { mountOperating, type OperatingOptions } from '../api/server/mount-operating.ts'
import { systemClock } from '../drivers/system/clock.ts'
import type { Measured } from '../metrics/create-metrics.ts'

/** Health, readiness and metrics of a daemon. */
export function operateDaemon(
  app: FastifyInstance,
  { metrics, refresh }: Measured,
  readiness: OperatingOptions['readiness'],
): void {
  mountOperating(app, {
    ...{ clock: systemClock, readiness },
    async metrics() {
      await refresh()
      return { type: metrics.registry.contentType, text: await metrics.registry.metrics() }
    },
    answered: ({ method, route, status, elapsedMs }) =>
      metrics.common.requests.observe({ method, route, status: String(status) }, elapsedMs / 1000),
  })
}
