import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { type ApiClient, createApiClient } from '../api/client/api-client.ts'
import type { Fetch } from '../api/client/http.ts'
import { toolstackRoutes } from '../api/contract/toolstack-routes.ts'
import type { KnownInventory } from '../model/inventory.ts'
import { readSession, type Session, withToken } from './session.ts'
import { type Place, placeOf } from './views/place.ts'

/** How fresh what is shown is. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly sinceMs: number; readonly reason: string }

export type Theme = 'auto' | 'light' | 'dark'

/** The little that outlives a reload: the token for this tab, the theme for this browser. */
export interface Memory {
  readonly token: Slot
  readonly theme: Slot
}

interface Slot {
  read(): string | null
  write(value: string | null): void
}

export interface StoreOptions {
  readonly root: string
  readonly fetch: Fetch
  readonly memory: Memory
  readonly now: () => number
  readonly hash: string
}

/** All state of the UI. */
export interface Store {
  readonly client: ApiClient<typeof toolstackRoutes>
  readonly inventories: Signal<readonly KnownInventory[] | null>
  readonly own: ReadonlySignal<KnownInventory | undefined>
  readonly link: Signal<Link>
  readonly needsLogin: Signal<boolean>
  readonly session: Signal<Session | null>
  readonly token: Signal<string | null>
  readonly theme: Signal<Theme>
  readonly place: Signal<Place>
  /** Ticks, so that durations grow on their own. The daemon's clock, not this computer's. */
  readonly nowMs: ReadonlySignal<number>
  /** What a screen reader is to say next. */
  readonly announcement: Signal<string>
  tick(): void
  refresh(): Promise<void>
  /** Asks who one is. */
  identify(): Promise<void>
  login(token: string): void
  logOut(): void
  setTheme(theme: Theme): void
}

export function createStore({ root, fetch, memory, now, hash }: StoreOptions): Store {
  const token = signal(memory.token.read())
  const needsLogin = signal(false)
  const session = signal<Session | null>(null)
  const inventories = signal<readonly KnownInventory[] | null>(null)
  const link = signal<Link>({ state: 'connecting' })
  const clock = signal(now())
  const offsetMs = signal(0)
  const theme = signal(themeOf(memory.theme.read()))
  const authorized = withToken(fetch, token, () => {
    needsLogin.value = true
  })
  const client = createApiClient(toolstackRoutes, root, { fetch: authorized })
  const own = computed(() => inventories.value?.[0])

  inventories.subscribe((value) => {
    const clockMs = value?.[0]?.inventory?.host.clockMs
    if (clockMs !== undefined) offsetMs.value = clockMs - now()
  })

  function keepToken(value: string | null): void {
    memory.token.write(value)
    token.value = value
    inventories.value = null
    session.value = null
    link.value = { state: 'connecting' }
  }

  return {
    ...{ client, inventories, own, link, needsLogin, session, token, theme },
    place: signal(placeOf(hash)),
    nowMs: computed(() => clock.value + offsetMs.value),
    announcement: signal(''),
    tick() {
      clock.value = now()
    },
    async refresh() {
      inventories.value = await client.listInventories()
    },
    async identify() {
      session.value = await readSession(root, authorized)
    },
    login(value) {
      keepToken(value)
      needsLogin.value = false
    },
    logOut() {
      keepToken(null)
      needsLogin.value = true
    },
    setTheme(value) {
      memory.theme.write(value === 'auto' ? null : value)
      theme.value = value
    },
  }
}

function themeOf(text: string | null): Theme {
  return text === 'light' || text === 'dark' ? text : 'auto'
}
