import { duration } from '../../lib/quantities.ts'
import { clockTime } from '../views/times.ts'
import { useStore } from './use-store.ts'

/** Says so when what is shown may be old. */
export function LinkNotice() {
  const { inventories, link, needsLogin, nowMs } = useStore()
  const now = link.value
  if (now.state !== 'lost' || needsLogin.value) return <div role="alert" />
  const forMs = Math.floor(Math.max(0, nowMs.value - now.sinceMs) / 1_000) * 1_000
  return (
    <div role="alert" class="notice bad lost">
      <strong>The connection to this host is lost.</strong>{' '}
      {inventories.value !== null && (
        <>
          What you see is as of {clockTime(now.sinceMs)}
          <span aria-hidden="true">, {duration(forMs)} old</span>.{' '}
        </>
      )}
      It connects again by itself. <span class="quiet">{now.reason}</span>
    </div>
  )
}
