import type { Qmp } from '../../lib/qmp/qmp.ts'
import type { SendOptions } from '../../ports/hypervisor.ts'
import type { QemuContext } from './qemu-context.ts'
import { queryMigration } from './run-state.ts'

export interface ProgressReports {
  /** Rejects when QEMU does not answer any more. Never resolves. */
  readonly failed: Promise<never>
  /** One report more, of the end. */
  last(): Promise<void>
}

/**
 * Tells how much memory has been sent. QEMU has no events for it, so it is asked again and again. A
 * page of zeroes counts as sent, though it takes a few bytes only: else a guest that uses little of
 * its memory would never seem to get far.
 */
export function reportProgress(
  context: QemuContext,
  qmp: Qmp,
  options: SendOptions,
  over: AbortSignal,
): ProgressReports {
  const { clock, limits } = context
  let reportedBytes = 0

  async function report(): Promise<void> {
    const { ram } = await queryMigration(context, qmp)
    if (ram === undefined || over.aborted) return
    const sentBytes = ram.transferred + ram.duplicate * ram['page-size']
    if (sentBytes <= reportedBytes) return
    reportedBytes = sentBytes
    const passes = ram['dirty-sync-count']
    options.onProgress({
      ...{ sentBytes, totalBytes: ram.total },
      ...(passes === undefined ? {} : { passes }),
    })
  }

  async function untilFailed(): Promise<never> {
    for (;;) {
      await report()
      await clock.sleep(limits.progressMs, over)
    }
  }

  // Whoever waits for it no longer cares once it is over.
  const failed = untilFailed().catch((error: unknown) =>
    over.aborted ? new Promise<never>(() => {}) : Promise.reject(error),
  )
  failed.catch(() => {})
  return { failed, last: report }
}
