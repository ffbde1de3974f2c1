import type { FastifyError, FastifyInstance } from 'fastify'
import { CrosspoolError, isCrosspoolError } from '../../model/errors.ts'

/** Turns whatever is thrown into an answer of the error table. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<Error>((error, request, reply) => {
    const { status, shown } = presentError(error, request.id)
    if (status >= 500) request.log.error({ error, reference: request.id }, 'a request failed')
    else request.log.debug({ error, reference: request.id }, 'a request was refused')
    // Serialized here: the schema of a status may be one that a proxy's or fastify's error does not fit.
    return reply
      .status(status)
      .type('application/json')
      .serializer((payload: unknown) => String(payload))
      .send(JSON.stringify(shown.toDocument()))
  })
  app.setNotFoundHandler((request) => {
    throw notFound(`there is no ${request.method} ${request.url.split('?')[0]}`)
  })
}

/** `reference` names the failure in the log, where what is not shown can be read. */
export function presentError(
  error: unknown,
  reference: string,
): { readonly status: number; readonly shown: CrosspoolError } {
  if (isCrosspoolError(error)) return { status: error.status, shown: error }
  if (isRefusedByFastify(error)) {
    const shown = new CrosspoolError('BAD_REQUEST', { reason: reasonOf(error) }, error)
    return { status: error.statusCode, shown }
  }
  return { status: 500, shown: new CrosspoolError('INTERNAL', { reference }, error) }
}

/** No document of ours is missing, but the route itself: only the status differs from BAD_REQUEST. */
function notFound(reason: string): Error {
  return Object.assign(new Error(reason), { statusCode: 404, code: 'FST_ERR_NOT_FOUND' })
}

type Refusal = FastifyError & { readonly statusCode: number }

function isRefusedByFastify(error: unknown): error is Refusal {
  if (!(error instanceof Error) || !('statusCode' in error) || !('code' in error)) return false
  const { statusCode, code } = error
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return false
  return String(code).startsWith('FST_ERR')
}

function reasonOf(error: Refusal): string {
  if (!error.validation) return error.message
  const part = error.validationContext === 'querystring' ? 'query' : error.validationContext
  return error.validation
    .map(({ instancePath, message }) => {
      const place = [part, ...instancePath.split('/')].filter(Boolean).join('.')
      return `${place}: ${message}`
    })
    .join('; ')
}
