import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { XenApiFace } from './face.ts'
import { readJsonRpcCall, writeJsonRpcAnswer } from './wire/json-rpc.ts'
import { readXmlRpcCall, writeXmlRpcAnswer } from './wire/xml-rpc.ts'

const xmlPaths = ['/', '/RPC2', '/xmlrpc']
const jsonPath = '/jsonrpc'
/** A call is let in by its session. */
const routeOptions = { schema: { hide: true }, config: { access: { role: 'anyone' } } } as const
const xmlTypes = ['text/xml', 'application/xml']

/** Serves the XenAPI where its clients look for it, on the port of the REST API. */
export function mountXenApi(app: FastifyInstance, face: XenApiFace): void {
  // A scope of their own: elsewhere JSON is checked, and XML refused, as ever.
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      [...xmlTypes, 'application/json'],
      { parseAs: 'string' },
      (_request, body, done) => done(null, body),
    )
    for (const url of xmlPaths)
      scope.post(url, routeOptions, (request, reply) => answerXml(face, request, reply))
    scope.post(jsonPath, routeOptions, (request, reply) => answerJson(face, request, reply))
  })
}

async function answerXml(
  face: XenApiFace,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const call = readXmlRpcCall(textOf(request))
  const outcome = await face.answer(call)
  return send(reply, 'text/xml', writeXmlRpcAnswer(outcome, call.method === 'system.listMethods'))
}

async function answerJson(
  face: XenApiFace,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const call = readJsonRpcCall(textOf(request))
  const outcome = await face.answer(call)
  return send(reply, 'application/json', writeJsonRpcAnswer(call, outcome))
}

/** The content type must be exactly this, without a character set: some clients compare the text. */
function send(reply: FastifyReply, type: string, body: string): FastifyReply {
  return reply.header('content-type', type).send(Buffer.from(body))
}

function textOf({ body }: FastifyRequest): string {
  return typeof body === 'string' ? body : ''
}
