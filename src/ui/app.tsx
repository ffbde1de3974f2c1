import type { ComponentChild } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { LoginPage } from './pages/login-page.tsx'
import { OperationPage } from './pages/operation-page.tsx'
import { OperationsPage } from './pages/operations-page.tsx'
import { OverviewPage } from './pages/overview-page.tsx'
import { ReplicasPage } from './pages/replicas-page.tsx'
import { ReplicationsPage } from './pages/replications-page.tsx'
import { StoragePage } from './pages/storage-page.tsx'
import { VmPage } from './pages/vm-page.tsx'
import { VmsPage } from './pages/vms-page.tsx'
import { Header } from './parts/header.tsx'
import { LinkNotice } from './parts/link-notice.tsx'
import { useStore } from './parts/use-store.ts'
import type { Place } from './views/place.ts'

export function App() {
  const { announcement, inventories, link, needsLogin, place } = useStore()
  const main = useRef<HTMLElement>(null)
  const here = place.value
  const key = 'id' in here ? `${here.page}/${here.id}` : here.page
  const wasKey = useRef(key)

  // A new page begins at its heading, for whoever reads by keyboard or ear.
  useEffect(() => {
    if (wasKey.current === key) return
    wasKey.current = key
    main.current?.focus()
    scrollTo(0, 0)
  }, [key])

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Header />
      <LinkNotice />
      <main id="main" ref={main} tabIndex={-1}>
        {content()}
      </main>
      <p class="for-ears" role="status">
        {announcement.value}
      </p>
    </>
  )

  function content(): ComponentChild {
    if (needsLogin.value) return <LoginPage />
    if (inventories.value !== null) return pageOf(here)
    if (link.value.state === 'lost')
      return (
        <p class="empty">Nothing has been heard of this host yet. It is asked again and again.</p>
      )
    return (
      <p class="empty" aria-busy="true">
        Looking around …
      </p>
    )
  }
}

function pageOf(place: Place) {
  switch (place.page) {
    case 'overview':
      return <OverviewPage />
    case 'vms':
      return <VmsPage />
    case 'vm':
      return <VmPage key={place.id} id={place.id} />
    case 'storage':
      return <StoragePage />
    case 'replications':
      return <ReplicationsPage />
    case 'replicas':
      return <ReplicasPage />
    case 'operations':
      return <OperationsPage />
    case 'operation':
      return <OperationPage key={place.id} id={place.id} />
    case 'unknown':
      return (
        <p class="empty">
          There is no such page. <a href="#/">Go to the overview</a>
        </p>
      )
  }
}
