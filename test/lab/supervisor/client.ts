import { request } from 'node:http'
import type { Answers, OperationName, Parameters } from './operations.ts'

export type AskLab = <Name extends OperationName>(
  operation: Name,
  parameters: Parameters<Name>,
  timeoutMs?: number,
) => Promise<Answers[Name]>

/** Speaks with the supervisor of a lab. */
export function labClient(socketPath: string): AskLab {
  return (operation, parameters, timeoutMs = 30_000) =>
    new Promise((done, failed) => {
      const options = { socketPath, path: `/${operation}`, method: 'POST' }
      const call = request({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', failed)
        response.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
          if (response.statusCode === 200) done(body.result)
          else failed(new Error(body.error))
        })
      })
      call.on('error', (cause) =>
        failed(new Error(`the lab does not answer ${operation}`, { cause })),
      )
      call.end(JSON.stringify(parameters))
    })
}
