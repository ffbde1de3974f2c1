import type { ApiClient } from '../api/client/api-client.ts'
import type { storageRoutes } from '../api/contract/storage-routes.ts'
import type { toolstackRoutes } from '../api/contract/toolstack-routes.ts'
import { createScreen, type Screen } from './screen.ts'
import type { Surroundings } from './surroundings.ts'
import { UsageError } from './usage-error.ts'
import { createStyle, type Style } from './views/style.ts'

export interface GlobalOptions {
  readonly xapi?: string
  readonly sm?: string
  readonly json?: boolean
  readonly color?: boolean
}

/** What every command gets. */
export interface CliContext {
  readonly json: boolean
  readonly style: Style
  /** Columns of the terminal, which may be made wider; null where the output is none. */
  readonly width: number | null
  readonly surroundings: Surroundings
  /** One text, or in --json mode one document, on standard output. */
  print(text: string): void
  /** A document: as JSON with --json, and otherwise as its view shows it. */
  show<T>(document: T, view: (document: T, style: Style) => string): void
  readonly screen: Screen
  /** For the person in front of it, on standard error; never part of the result. */
  tell(text: string): void
  toolstack(): Promise<ApiClient<typeof toolstackRoutes>>
  storage(): Promise<ApiClient<typeof storageRoutes>>
}

export const defaultAddresses = {
  xapi: '/run/crosspool/xapi.sock',
  sm: '/run/crosspool/sm.sock',
} as const

export function createContext(options: GlobalOptions, surroundings: Surroundings): CliContext {
  const { stdout, environment } = surroundings
  const json = options.json === true
  const hasColor =
    options.color !== false && !environment.NO_COLOR && !json && stdout.isTTY === true
  const style = createStyle(hasColor)
  const xapi = options.xapi ?? environment.CROSSPOOL_XAPI ?? defaultAddresses.xapi
  const sm = options.sm ?? environment.CROSSPOOL_SM ?? defaultAddresses.sm
  // Not an option: whoever lists the processes of this host would read it.
  const token = async () => environment.CROSSPOOL_TOKEN ?? null

  const screen = createScreen(surroundings, json)
  const print = (text: string) => void stdout.write(text === '' ? '' : `${text}\n`)
  return {
    json,
    style,
    // A serial console is a terminal of no size.
    get width() {
      return (stdout.isTTY === true && stdout.columns) || null
    },
    surroundings,
    print,
    show: (document, view) => print(json ? JSON.stringify(document) : view(document, style)),
    screen,
    tell: screen.tell,
    // Loaded when needed: help and completion must be quick on slow hosts.
    async toolstack() {
      const [{ createApiClient }, { readDaemonAddress }, { toolstackRoutes }] = await Promise.all([
        import('../api/client/api-client.ts'),
        import('../api/client/daemon-address.ts'),
        import('../api/contract/toolstack-routes.ts'),
      ])
      const { url, fetch } = usageChecked(() => readDaemonAddress(xapi, token))
      return createApiClient(toolstackRoutes, url, { fetch })
    },
    async storage() {
      const [{ createApiClient }, { readDaemonAddress }, { storageRoutes }] = await Promise.all([
        import('../api/client/api-client.ts'),
        import('../api/client/daemon-address.ts'),
        import('../api/contract/storage-routes.ts'),
      ])
      const { url, fetch } = usageChecked(() => readDaemonAddress(sm, token))
      return createApiClient(storageRoutes, url, { fetch, timeoutMs: storageTimeoutMs })
    },
  }
}

/** Making a large volume that reads as zeroes takes its time. */
const storageTimeoutMs = 600_000

function usageChecked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** HOST:PORT is enough. */
export function daemonUrl(text: string): string {
  const url = text.startsWith('https://') ? text : `https://${text}`
  if (!URL.canParse(url)) throw new UsageError(`'${text}' is not the URL of a daemon`)
  return url
}
