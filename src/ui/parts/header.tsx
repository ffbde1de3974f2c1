import { runningOperations } from '../views/landscape.ts'
import type { Place } from '../views/place.ts'
import { useStore } from './use-store.ts'

const pages: readonly { href: string; label: string; places: readonly Place['page'][] }[] = [
  { href: '#/', label: 'Overview', places: ['overview'] },
  { href: '#/vms', label: 'VMs', places: ['vms', 'vm'] },
  { href: '#/storage', label: 'Storage', places: ['storage'] },
  { href: '#/replications', label: 'Replications', places: ['replications'] },
  { href: '#/replicas', label: 'Replicas', places: ['replicas'] },
  { href: '#/operations', label: 'Operations', places: ['operations', 'operation'] },
]

const nextTheme = { auto: 'light', light: 'dark', dark: 'auto' } as const
const themeMarks = { auto: '◐', light: '○', dark: '●' } as const

export function Header() {
  const store = useStore()
  const { inventories, needsLogin, own, place, session, theme, token } = store
  const running = runningOperations(inventories.value ?? []).length
  return (
    <header>
      <a class="brand" href="#/">
        <img src="/ui/icon.svg" alt="" width="22" height="22" />
        Crosspool
      </a>
      {!needsLogin.value && (
        <nav aria-label="Pages">
          {pages.map(({ href, label, places }) => (
            <a
              key={href}
              href={href}
              aria-current={places.includes(place.value.page) ? 'page' : undefined}
            >
              {label}
              {label === 'Operations' && running > 0 && (
                <span class="count">
                  {running}
                  <span class="for-ears"> running</span>
                </span>
              )}
            </a>
          ))}
        </nav>
      )}
      <div class="aside">
        {own.value && (
          <span class="here" title="the host that shows you this">
            {own.value.pool}/{own.value.name}
          </span>
        )}
        {session.value && <span class="role">{session.value.role}</span>}
        <button
          type="button"
          class="plain"
          onClick={() => store.setTheme(nextTheme[theme.value])}
          aria-label={`Theme: ${theme.value}; switch to ${nextTheme[theme.value]}`}
          title={`Theme: ${theme.value}`}
        >
          {themeMarks[theme.value]}
        </button>
        {token.value !== null && !needsLogin.value && (
          <button type="button" class="plain" onClick={() => store.logOut()}>
            Log out
          </button>
        )}
      </div>
    </header>
  )
}
