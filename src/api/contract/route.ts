import type { z } from 'zod'
import type { Access, Caller } from '../../model/access.ts'
import type { ErrorCode } from '../../model/errors.ts'

/**
 * A route is data. The server mounts it, the client calls it, OpenAPI describes it; none of them
 * knows any route by itself.
 */
export interface Route extends Access {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With parameters as {name}, below /v1. */
  readonly path: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** One document; for `events` the data of each event. */
  readonly response: z.ZodType
  readonly status?: 200 | 201 | 202
  readonly errors?: readonly ErrorCode[]
  /** Answers a stream of server-sent events, each with `response` as its data. */
  readonly events?: true
  /** True for the event after which no other will come: the stream ends with it. */
  isLast?(event: unknown): boolean
  /** Needs the receiver's token in a header of its own. */
  readonly token?: true
  /** A POST that changes nothing, or too often the same: the audit log has no place for it. */
  readonly isUnnoted?: true
}

export type Routes = Readonly<Record<string, Route>>

export type PathParameters<Path extends string> =
  Path extends `${string}{${infer Name}}${infer Rest}`
    ? { readonly [K in Name]: string } & PathParameters<Rest>
    : unknown

type Parsed<S, Key extends string> = S extends z.ZodType
  ? { readonly [K in Key]: z.output<S> }
  : unknown
/** What may be left out, because the schema has a default for all of it, need not be given. */
type Given<S, Key extends string> = S extends z.ZodType
  ? undefined extends z.input<S>
    ? { readonly [K in Key]?: z.input<S> }
    : Record<never, never> extends z.input<S>
      ? { readonly [K in Key]?: z.input<S> }
      : { readonly [K in Key]: z.input<S> }
  : unknown

/** What a handler gets: path parameters under `params`, who asks, then `query`, `body` and `token` where the route has them. */
export type RouteRequest<R extends Route> = {
  readonly params: PathParameters<R['path']>
  readonly requester: Requester
} & Parsed<R['query'], 'query'> &
  Parsed<R['body'], 'body'> &
  (R extends { token: true } ? { readonly token: string } : unknown)

/** Who asks, as far as is known: a stranger has no caller, but may have shown a key. */
export interface Requester {
  readonly caller: Caller | null
  readonly fingerprint: string | null
}

/** What a caller gives. */
export type RouteCall<R extends Route> = (R['path'] extends `${string}{${string}`
  ? { readonly params: PathParameters<R['path']> }
  : unknown) &
  Given<R['query'], 'query'> &
  Given<R['body'], 'body'> &
  (R extends { token: true } ? { readonly token: string } : unknown)

export type RouteResponse<R extends Route> = z.output<R['response']>

/** Called for each event; answers how to stop. */
export type Subscribe<T> = (listener: (event: T) => void) => () => void

/** One function per route. An `events` route answers how to subscribe. */
export type Handlers<T extends Routes> = {
  readonly [K in keyof T]: (
    request: RouteRequest<T[K]>,
  ) => Promise<
    T[K] extends { events: true } ? Subscribe<RouteResponse<T[K]>> : z.input<T[K]['response']>
  >
}

export function defineRoutes<const T extends Routes>(routes: T): T {
  return routes
}
