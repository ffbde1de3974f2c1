import { sleep } from '../../lib/sleep.ts'
import { isCrosspoolError } from '../../model/errors.ts'
import type { Route } from '../contract/route.ts'
import type { ClientContext, WatchOptions } from './client-context.ts'
import type { HttpResponse } from './http.ts'
import { errorOfAnswer, readDocument } from './read-answer.ts'
import { readEventData } from './read-event-data.ts'
import { type RequestParts, requestOf } from './request-parts.ts'
import { unanswered, unreachable } from './unreachable.ts'

/** Three times the server's heartbeat: silence for longer means that the line is dead. */
const silenceMsMax = 45_000
const firstDelayMs = 250
const delayMsMax = 5_000
const defaultGiveUpAfterMs = 60_000

/** The documents of an `events` route. After an interruption it asks again and goes on with the newest. */
export async function* eventsOf(
  route: Route,
  call: RequestParts,
  context: ClientContext,
  options: WatchOptions,
): AsyncGenerator<unknown, void, undefined> {
  const giveUpAfterMs = options.giveUpAfterMs ?? defaultGiveUpAfterMs
  let delayMs = firstDelayMs
  let answeredAtMs = performance.now()

  while (!options.signal?.aborted) {
    try {
      for await (const event of connection(route, call, context, options.signal)) {
        delayMs = firstDelayMs
        answeredAtMs = performance.now()
        yield event
        if (route.isLast?.(event)) return
      }
    } catch (error) {
      if (options.signal?.aborted) return
      if (!isCrosspoolError(error, 'PEER_UNREACHABLE')) throw error
      if (performance.now() - answeredAtMs >= giveUpAfterMs) throw error
      options.onInterruption?.(error)
    }
    await sleep(delayMs, options.signal).catch(() => {})
    delayMs = Math.min(delayMs * 2, delayMsMax)
  }
}

/** One connection, until the server ends it. @throws PEER_UNREACHABLE when it breaks, or what the server refuses with */
async function* connection(
  route: Route,
  call: RequestParts,
  context: ClientContext,
  stop: AbortSignal | undefined,
): AsyncGenerator<unknown, void, undefined> {
  const { url, request } = requestOf(route, call, context.url)
  const abort = new AbortController()
  const onStop = () => abort.abort(stop?.reason)
  stop?.addEventListener('abort', onStop)
  let silence: ReturnType<typeof setTimeout> | undefined
  const heard = (nextMs: number) => {
    clearTimeout(silence)
    silence = setTimeout(() => abort.abort(unanswered(context.url, nextMs)), nextMs)
  }

  try {
    heard(context.timeoutMs)
    const response = await context.fetch(url, { ...request, signal: abort.signal })
    heard(silenceMsMax)
    if (response.status !== 200) throw errorOfAnswer(response.status, await response.text(), url)
    for await (const data of readEventData(chunksOf(response, () => heard(silenceMsMax)))) {
      yield readDocument(route.response, JSON.parse(data), url)
    }
  } catch (error) {
    if (isCrosspoolError(error)) throw error
    throw isCrosspoolError(abort.signal.reason)
      ? abort.signal.reason
      : unreachable(context.url, error)
  } finally {
    clearTimeout(silence)
    stop?.removeEventListener('abort', onStop)
    abort.abort()
  }
}

async function* chunksOf(
  response: HttpResponse,
  heard: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader()
  if (!reader) return
  for (;;) {
    const { done, value } = await reader.read()
    heard()
    if (done) return
    if (value) yield value
  }
}
