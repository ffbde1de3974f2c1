import { createServer, type IncomingMessage } from 'node:http'
import { type OperationName, type Operations, parameters } from './operations.ts'

export interface ControlServer {
  close(): Promise<void>
}

/** Serves the operations as `POST /NAME` with JSON, on a Unix socket that only this user can reach. */
export async function serveOperations(
  socketPath: string,
  operations: Operations,
  log: (line: string) => void,
): Promise<ControlServer> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1)
    answer(name, request, operations).then(
      (result) => response.end(JSON.stringify({ result })),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error)
        log(`${name} failed: ${message}`)
        response.statusCode = 400
        response.end(JSON.stringify({ error: message }))
      },
    )
  })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(socketPath, done)
  })
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  name: string,
  request: IncomingMessage,
  operations: Operations,
): Promise<unknown> {
  if (!(name in parameters)) throw new Error(`the lab knows no operation ${name}`)
  const operation = name as OperationName
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const given: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
  const checked = parameters[operation].parse(given)
  // The table ties each name to its parameters, which TypeScript cannot follow through a lookup by variable.
  return await (operations[operation] as (parameters: unknown) => unknown)(checked)
}
