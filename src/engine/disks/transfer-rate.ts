import { timeLeftMs } from '../../lib/time-left.ts'

/** What is seen of a transfer at one moment. */
export interface TransferSample {
  readonly atMs: number
  readonly sentBytes: number
  readonly remainingBytes: number
}

export interface TransferRate {
  readonly bytesPerSecond: number
  /** Null while it cannot be told. */
  readonly etaMs: number | null
}

/** After so long an old speed counts for a third (1/e) of what it did. */
const smoothingMs = 5_000
/** Shorter ones say more about the sampling than about the link. */
const intervalMsMin = 200

/** Speed and time left of a transfer, smoothed: an exponential average over the last seconds. */
export class TransferRateMeter {
  #last: TransferSample | null = null
  #sentPerMs: number | null = null
  #copiedPerMs: number | null = null

  add(sample: TransferSample): TransferRate {
    if (this.#last === null) {
      this.#last = sample
    } else if (sample.atMs - this.#last.atMs >= intervalMsMin) {
      const elapsedMs = sample.atMs - this.#last.atMs
      // Counters begin anew after a reconnection; speed is never negative.
      const sentBytes = Math.max(0, sample.sentBytes - this.#last.sentBytes)
      const copiedBytes = Math.max(0, this.#last.remainingBytes - sample.remainingBytes)
      this.#sentPerMs = smooth(this.#sentPerMs, sentBytes / elapsedMs, elapsedMs)
      this.#copiedPerMs = smooth(this.#copiedPerMs, copiedBytes / elapsedMs, elapsedMs)
      this.#last = sample
    }
    return this.#rate(sample.remainingBytes)
  }

  #rate(remainingBytes: number): TransferRate {
    const bytesPerSecond = Math.round((this.#sentPerMs ?? 0) * 1000)
    if (remainingBytes === 0) return { bytesPerSecond, etaMs: 0 }
    return { bytesPerSecond, etaMs: timeLeftMs(remainingBytes, this.#copiedPerMs ?? 0) }
  }
}

function smooth(previous: number | null, next: number, elapsedMs: number): number {
  if (previous === null) return next
  const weight = 1 - Math.exp(-elapsedMs / smoothingMs)
  return previous + (next - previous) * weight
}
