import type { Qmp } from '../../lib/qmp/qmp.ts'

/** QEMU's own default. */
export const defaultDowntimeLimitMs = 300
/** Tried first: a guest that dirties little is paused for little. */
const firstMs = 30
/** Before it a pass may just have been the first to end. */
const patientPasses = 3
const growth = 4

/**
 * For how long QEMU may expect the last memory to take when it pauses the guest. QEMU pauses as soon as the limit allows,
 * so the wanted one comes only after passes that have shown that a lower one is not reached. Each of those is shorter
 * than the wanted pause, since what it left could have been sent within that.
 */
export function downtimeLimitMs(pass: number, wantedMs = defaultDowntimeLimitMs): number {
  return Math.min(wantedMs, firstMs * growth ** Math.max(0, pass - patientPasses))
}

/** Raises it pass by pass; the monitor must have been asked for events. Answers how to stop. */
export function followPasses(qmp: Qmp, wantedMs: number | undefined): () => void {
  let limitMs = downtimeLimitMs(0, wantedMs)
  return qmp.onEvent(({ name, data }) => {
    const nextMs = name === 'MIGRATION_PASS' ? downtimeLimitMs(Number(data.pass), wantedMs) : 0
    if (nextMs <= limitMs) return
    limitMs = nextMs
    // Should QEMU have gone, whoever waits for the migration will notice.
    qmp.execute('migrate-set-parameters', { 'downtime-limit': limitMs }).catch(() => {})
  })
}
