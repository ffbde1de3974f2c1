import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isCrosspoolError } from '../../model/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { within } from '../../ports/deadlines.ts'

/** What a monitoring system asks of a daemon. */
export interface OperatingOptions {
  readonly clock: Clock
  /** What the daemon needs to do its work, by name; each rejects when it is not there. */
  readonly readiness: Readonly<Record<string, () => Promise<unknown>>>
  /** In Prometheus's text format. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
  readonly answered: (request: AnsweredRequest) => void
}

export interface AnsweredRequest {
  readonly method: string
  /** As it was declared, so that ids do not make a series each. */
  readonly route: string
  readonly status: number
  readonly elapsedMs: number
}

/** A probe of Kubernetes's kind, or a load balancer, waits a few seconds. */
const readinessTimeoutMs = 3_000

/** GET /healthz, /readyz and /metrics, beside the contract since others have laid down what they answer. */
export function mountOperating(app: FastifyInstance, options: OperatingOptions): void {
  const hidden = { schema: { hide: true } }
  // A probe has no token, and is told no more than whether and what is missing. Metrics tell of VMs: they are for viewers.
  const open = { ...hidden, config: { access: { role: 'anyone' } } } as const
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request
    const status = reply.statusCode
    options.answered({ method, route: routeOf(request), status, elapsedMs: reply.elapsedTime })
  })
  app.get('/healthz', open, async () => ({ status: 'ok' }))
  app.get('/readyz', open, async (_request, reply) => {
    const checks = await checkReadiness(options)
    const isReady = Object.values(checks).every((answer) => answer === 'ok')
    return reply.status(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'not ready', checks })
  })
  app.get('/metrics', hidden, async (_request, reply) => {
    const { type, text } = await options.metrics()
    return reply.type(type).send(text)
  })
}

function routeOf({ is404, routeOptions }: FastifyRequest): string {
  return is404 ? 'unknown' : (routeOptions.url ?? 'unknown')
}

async function checkReadiness({
  readiness,
  clock,
}: OperatingOptions): Promise<Readonly<Record<string, string>>> {
  const answers = Object.entries(readiness).map(async ([name, ask]) => {
    try {
      await within(clock, readinessTimeoutMs, name, ask())
      return [name, 'ok'] as const
    } catch (error) {
      // Whatever else went wrong inside is not for everybody; the log of the daemon has it.
      return [name, isCrosspoolError(error) ? error.message : 'it failed; see the log'] as const
    }
  })
  return Object.fromEntries(await Promise.all(answers))
}
