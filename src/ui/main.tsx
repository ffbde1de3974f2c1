import { effect } from '@preact/signals'
import { render } from 'preact'
import { z } from 'zod'
import { App } from './app.tsx'
import { followInventories } from './follow.ts'
import { StoreContext } from './parts/use-store.ts'
import { createStore, type Memory } from './store.ts'
import { placeOf } from './views/place.ts'

const tickMs = 1_000

// The page may not make code of texts, which zod would try.
z.config({ jitless: true })

const slot = (storage: Storage, key: string): Memory['token'] => ({
  read: () => storage.getItem(key),
  write: (value) => (value === null ? storage.removeItem(key) : storage.setItem(key, value)),
})

const store = createStore({
  root: location.origin,
  fetch: (url, request) => fetch(url, request),
  memory: {
    token: slot(sessionStorage, 'crosspool.token'),
    theme: slot(localStorage, 'crosspool.theme'),
  },
  now: () => Date.now(),
  hash: location.hash,
})

addEventListener('hashchange', () => {
  store.place.value = placeOf(location.hash)
})
setInterval(() => store.tick(), tickMs)
effect(() => {
  document.documentElement.dataset.theme = store.theme.value
})
effect(() => {
  if (store.needsLogin.value) return
  const following = new AbortController()
  // Another token is another follower.
  store.token.value
  void followInventories(store, following.signal)
  return () => following.abort()
})

const root = document.getElementById('app')
if (!root) throw new Error('the page has no place for the UI')
render(
  <StoreContext.Provider value={store}>
    <App />
  </StoreContext.Provider>,
  root,
)
