import { isCrosspoolError } from '../../model/errors.ts'
import type { Route, RouteCall, RouteResponse, Routes } from '../contract/route.ts'
import type { ClientContext, WatchOptions } from './client-context.ts'
import { eventsOf } from './event-source.ts'
import type { Fetch } from './http.ts'
import { readAnswer, readDocument } from './read-answer.ts'
import { type RequestParts, requestOf } from './request-parts.ts'
import { unanswered, unreachable } from './unreachable.ts'

export interface ApiClientOptions {
  /** For a whole call; 30 s unless told. An event stream may last for ever. */
  readonly timeoutMs?: number
  /** The platform's own unless told. Daemons pass `createNodeFetch()` for a pool of connections. */
  readonly fetch?: Fetch
}

interface CallOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

type Call<R extends Route, Options> =
  unknown extends RouteCall<R>
    ? [call?: RouteCall<R>, options?: Options]
    : Record<never, never> extends RouteCall<R>
      ? [call?: RouteCall<R>, options?: Options]
      : [call: RouteCall<R>, options?: Options]

/**
 * One method per route. Errors of the other side come back as the CrosspoolError that they are
 * there; PEER_UNREACHABLE when there was no answer, PEER_FAILED when it was not one of ours.
 *
 * An `events` route answers the documents as they come, from the newest on after each
 * interruption, until the last one. It throws PEER_UNREACHABLE when it has given up.
 */
export type ApiClient<T extends Routes> = {
  readonly [K in keyof T]: T[K] extends { readonly events: true }
    ? (...args: Call<T[K], WatchOptions>) => AsyncGenerator<RouteResponse<T[K]>, void, undefined>
    : (...args: Call<T[K], CallOptions>) => Promise<RouteResponse<T[K]>>
}

const defaultTimeoutMs = 30_000

/** A client of `routes` for the daemon at `url`, the root above /v1. */
export function createApiClient<T extends Routes>(
  routes: T,
  url: string,
  options: ApiClientOptions = {},
): ApiClient<T> {
  const context: ClientContext = {
    url: url.replace(/\/+$/, ''),
    fetch: options.fetch ?? ((target, request) => fetch(target, request)),
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
  }
  const methods = Object.entries(routes).map(([name, route]) => {
    const method = route.events
      ? (call: RequestParts = {}, watch: WatchOptions = {}) => eventsOf(route, call, context, watch)
      : (call: RequestParts = {}, one: CallOptions = {}) => callRoute(route, call, context, one)
    return [name, method]
  })
  // The table's methods have the types of the routes that they were made from.
  return Object.fromEntries(methods) as ApiClient<T>
}

async function callRoute(
  route: Route,
  call: RequestParts,
  context: ClientContext,
  options: CallOptions,
): Promise<unknown> {
  const { url, request } = requestOf(route, call, context.url)
  const timeoutMs = options.timeoutMs ?? context.timeoutMs
  const deadline = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline

  async function ask(): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await context.fetch(url, { ...request, signal })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (isCrosspoolError(error)) throw error
      throw deadline.aborted ? unanswered(context.url, timeoutMs) : unreachable(context.url, error)
    }
  }

  const { status, text } = await ask()
  return readDocument(route.response, readAnswer(status, text, url), url)
}
