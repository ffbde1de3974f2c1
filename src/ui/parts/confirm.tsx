import type { ComponentChildren } from 'preact'
import { Dialog } from './dialog.tsx'

interface ConfirmProps {
  readonly title: string
  readonly action: string
  readonly isPossible?: boolean
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Asks before something that cannot be taken back; says what it would do. */
export function Confirm({ title, action, isPossible = true, ...rest }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={rest.onClose}>
      <div class="text">{rest.children}</div>
      <div class="buttons">
        <button type="button" onClick={rest.onClose}>
          Leave it
        </button>
        <button type="button" class="danger" disabled={!isPossible} onClick={rest.onConfirm}>
          {action}
        </button>
      </div>
    </Dialog>
  )
}
