/** What our tests use of the npm package, which brings no types. */
declare module 'xen-api' {
  export interface XapiObject {
    readonly $ref: string
    readonly $type: string
    readonly [field: string]: unknown
  }
  export interface XapiTaskError extends Error {
    readonly code: string
    readonly params: readonly string[]
  }
  export interface Xapi {
    readonly pool: XapiObject
    readonly objects: {
      readonly all: Readonly<Record<string, XapiObject>>
      on(
        event: 'add' | 'update' | 'remove',
        listener: (items: Readonly<Record<string, XapiObject>>) => void,
      ): void
    }
    readonly objectsFetched: Promise<void>
    connect(): Promise<void>
    disconnect(): Promise<void>
    call(method: string, ...parameters: readonly unknown[]): Promise<unknown>
    callAsync(method: string, ...parameters: readonly unknown[]): Promise<unknown>
    barrier(ref?: string): Promise<XapiObject>
    watchTask(ref: string): Promise<unknown>
  }
  export function createClient(options: {
    readonly url: string
    readonly auth: { readonly user: string; readonly password: string }
    readonly transport?: 'auto' | 'json-rpc' | 'xml-rpc'
    readonly watchEvents?: boolean
    readonly allowUnauthorized?: boolean
  }): Xapi
}
