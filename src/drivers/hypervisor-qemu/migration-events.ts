import type { Qmp } from '../../lib/qmp/qmp.ts'

/** The states that a migration goes through, one after the other, as the monitor tells them. */
export interface MigrationEvents {
  /** The next state; null when QEMU has gone. */
  next(): Promise<string | null>
  stop(): void
}

/** To be called before the migration begins; the monitor must have been asked for these events. */
export function followMigration(qmp: Qmp): MigrationEvents {
  const statuses: string[] = []
  let hasGone = false
  let wake: () => void = () => {}
  const stop = qmp.onEvent(({ name, data }) => {
    if (name !== 'MIGRATION' || typeof data.status !== 'string') return
    statuses.push(data.status)
    wake()
  })
  void qmp.closed.then(() => {
    hasGone = true
    wake()
  })
  return {
    stop,
    async next() {
      for (;;) {
        const status = statuses.shift()
        if (status !== undefined) return status
        if (hasGone) return null
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

/** Turns capabilities of a migration on or off. */
export async function setCapabilities(
  qmp: Qmp,
  capabilities: Readonly<Record<string, boolean>>,
): Promise<void> {
  const list = Object.entries(capabilities).map(([capability, state]) => ({ capability, state }))
  await qmp.execute('migrate-set-capabilities', { capabilities: list })
}
