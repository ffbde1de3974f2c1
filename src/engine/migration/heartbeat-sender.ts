import { CrosspoolError } from '../../model/errors.ts'
import type { Heartbeat, HeartbeatAnswer } from '../../model/receiver.ts'
import type { Clock } from '../../ports/clock.ts'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly intervalMs: number
  /** Silence for longer than this is a lost peer. */
  readonly deadlineMs: number
  readonly send: (beat: Heartbeat) => Promise<HeartbeatAnswer>
  /** What the beat tells besides its number and time. */
  readonly describe: () => Pick<Heartbeat, 'phase' | 'replications' | 'bytesPerSecondMax'>
  readonly onMissed?: (error: unknown) => void
  /** Called once, when the peer is silent for too long or says that it has aborted. */
  readonly onLost: (error: CrosspoolError) => void
}

/** The source's half of the heartbeat; the destination's half is that it answers, and counts too. */
export class HeartbeatSender {
  readonly #options: HeartbeatOptions
  readonly #stopper = new AbortController()
  #lastAnswerMs: number
  #sequence = 0
  #missed = 0
  #clockSkewMs = 0
  #roundTripMs = 0

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#lastAnswerMs = options.clock.monotonicMs()
    void this.#run()
  }

  statistics() {
    return {
      sequence: this.#sequence,
      missed: this.#missed,
      clockSkewMs: this.#clockSkewMs,
      roundTripMs: this.#roundTripMs,
    }
  }

  stop(): void {
    this.#stopper.abort(new CrosspoolError('CANCELLED'))
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#options
    while (!this.#stopper.signal.aborted) {
      const lost = await this.#beat()
      if (this.#stopper.signal.aborted) return
      if (lost) return this.#options.onLost(lost)
      await clock.sleep(intervalMs, this.#stopper.signal).catch(() => {})
    }
  }

  /** Sends one beat. Answers an error when the peer must be given up. */
  async #beat(): Promise<CrosspoolError | null> {
    const { clock, deadlineMs } = this.#options
    const sentAtMs = clock.now()
    const startedMs = clock.monotonicMs()
    this.#sequence += 1
    try {
      const answer = await this.#options.send({
        sequence: this.#sequence,
        sentAtMs,
        ...this.#options.describe(),
      })
      this.#lastAnswerMs = clock.monotonicMs()
      this.#roundTripMs = Math.round(this.#lastAnswerMs - startedMs)
      // Half of the round trip is the best guess for when the answer was written.
      this.#clockSkewMs = Math.round(answer.receivedAtMs - sentAtMs - this.#roundTripMs / 2)
      if (answer.state !== 'aborted') return null
      const why = answer.reason === null ? '' : `: ${answer.reason}`
      const message = `the destination has given the migration up${why}`
      return new CrosspoolError('PEER_FAILED', { code: 'ABORTED', message })
    } catch (error) {
      this.#missed += 1
      this.#options.onMissed?.(error)
      const elapsedMs = Math.round(clock.monotonicMs() - this.#lastAnswerMs)
      return elapsedMs > deadlineMs ? new CrosspoolError('HEARTBEAT_LOST', { elapsedMs }) : null
    }
  }
}
