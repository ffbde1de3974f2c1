/** The part of `fetch` that the client needs; what browsers and Node have fits. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpResponse>

export interface HttpRequest {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
  readonly body: ByteStream | null
}

/** A web stream of bytes, as far as it is needed. */
interface ByteStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    cancel(): Promise<unknown>
  }
}
