import { duplexPair } from 'node:stream'
import { CrosspoolError } from '../../src/model/errors.ts'
import type { Daemon } from './daemon.ts'
import { type Life, never } from './life.ts'
import type { Scheduler } from './scheduler.ts'

/** What becomes of one request. */
export interface Fate {
  readonly lost: 'request' | 'answer' | null
  /** A lost one is noticed at once, as a connection that was reset, or only by the deadline. */
  readonly isReset: boolean
  readonly requestDelayMs: number
  readonly answerDelayMs: number
  /** The same request arrives once more, so much later. */
  readonly againAfterMs: number | null
}

export const safeArrival: Fate = {
  ...{ lost: null, isReset: false, requestDelayMs: 0, answerDelayMs: 0, againAfterMs: null },
}

export interface NetworkOptions {
  readonly scheduler: Scheduler
  readonly fateOf: (call: { readonly hosts: readonly [string, string] }) => Fate
  readonly isLinkUp: (a: string, b: string) => boolean
  /** Resolves at the next change of a link. */
  readonly linkChanged: () => Promise<void>
  readonly trace: (event: string) => void
}

interface Call<Service, Result> {
  /** SENDER > method */
  readonly label: string
  readonly from: { readonly host: string; readonly life: Life }
  readonly to: Daemon<Service>
  readonly timeoutMs: number
  readonly work: (service: Service) => Promise<Result>
}

interface Line {
  readonly hosts: readonly [string, string]
  readonly lives: readonly [Life, Life]
  cut(): void
}

/** Requests and streams between daemons, and all that can become of them on their way. */
export class Network {
  readonly #options: NetworkOptions
  readonly #lines = new Set<Line>()

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  /** @throws PEER_UNREACHABLE when no answer came, whether or not the request was carried out */
  async call<Service, Result>(call: Call<Service, Result>): Promise<Result> {
    const { clock } = this.#options.scheduler
    const fate = this.#options.fateOf({ hosts: [call.from.host, call.to.host] })
    if (fate.againAfterMs !== null) void this.#again(call, fate.againAfterMs)
    const answered = new AbortController()
    const deadline = clock.sleep(call.timeoutMs, answered.signal).then(() => {
      throw unreachable(call, 'no answer in time')
    })
    deadline.catch(() => {})
    try {
      return await Promise.race([deadline, this.#carry(call, fate)])
    } finally {
      answered.abort(new CrosspoolError('CANCELLED'))
    }
  }

  /** A stream between two daemons, which breaks with either of them and with their link. */
  connect<Service>(from: { host: string; life: Life }, to: Daemon<Service>) {
    const { life } = to
    if (!life) throw new Error(`${to.name} does not run`)
    const [here, there] = duplexPair()
    const line: Line = {
      hosts: [from.host, to.host],
      lives: [from.life, life],
      cut: () => {
        this.#lines.delete(line)
        here.destroy()
        there.destroy()
      },
    }
    this.#lines.add(line)
    for (const end of [here, there]) {
      // What one end wrote before it closed still arrives.
      end.on('close', () => void this.#options.scheduler.turn().then(() => line.cut()))
      end.on('error', () => {})
    }
    for (const one of line.lives) one.onEnd(() => line.cut())
    return { here, there }
  }

  /** Ends the streams that a cut link carried. */
  breakLines(): void {
    for (const line of [...this.#lines]) if (!this.#options.isLinkUp(...line.hosts)) line.cut()
  }

  async #again<Service, Result>(call: Call<Service, Result>, afterMs: number): Promise<void> {
    await this.#options.scheduler.clock.sleep(afterMs)
    this.#options.trace(`${call.label} arrives once more`)
    await this.#carry(call, safeArrival).catch(() => {})
  }

  async #carry<Service, Result>(call: Call<Service, Result>, fate: Fate): Promise<Result> {
    const { clock } = this.#options.scheduler
    if (fate.lost) this.#options.trace(`${call.label}: the ${fate.lost} is lost`)
    if (fate.requestDelayMs) await clock.sleep(fate.requestDelayMs)
    if (fate.lost === 'request') return lose(call, fate)
    await this.#untilLinked(call)
    const { service, life } = call.to
    if (!service || !life) throw unreachable(call, 'connection refused')
    const result = await whileAlive(life, call.work(service), () =>
      unreachable(call, 'connection reset'),
    )
    if (fate.answerDelayMs) await clock.sleep(fate.answerDelayMs)
    if (fate.lost === 'answer') return lose(call, fate)
    await this.#untilLinked(call)
    return result
  }

  async #untilLinked<Service, Result>({ from, to }: Call<Service, Result>): Promise<void> {
    while (!this.#options.isLinkUp(from.host, to.host)) await this.#options.linkChanged()
  }
}

/** What crosses a network is a copy. */
export function copy<Value>(value: Value): Value {
  return structuredClone(value)
}

function lose<Service, Result>(call: Call<Service, Result>, { isReset }: Fate): Promise<never> {
  if (isReset) throw unreachable(call, 'connection reset')
  return never()
}

function unreachable<Service, Result>(
  { to }: Call<Service, Result>,
  reason: string,
): CrosspoolError {
  return new CrosspoolError('PEER_UNREACHABLE', { url: to.name, reason })
}

async function whileAlive<Result>(
  life: Life,
  work: Promise<Result>,
  whenOver: () => Error,
): Promise<Result> {
  let stop = () => {}
  const over = new Promise<never>((_, reject) => {
    stop = life.onEnd(() => reject(whenOver()))
  })
  over.catch(() => {})
  try {
    return await Promise.race([work, over])
  } finally {
    stop()
  }
}
