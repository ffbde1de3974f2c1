import type { BlockMirrorState } from '../../ports/block-mapper.ts'
import type { SimulatedDevice } from './blocks.ts'

/**
 * Device-mapper's mirror target: copies one device to another, sector by sector, and writes to both. A
 * write that one of them fails waits for ever, as in the kernel, until the table goes.
 */
export class MirroredDevices {
  readonly #from: SimulatedDevice
  readonly #to: SimulatedDevice
  readonly #sectors: number
  #copied = 0
  #isHealthy = true
  #hasEnded = false
  /** One act at a time, so that the copy never overtakes a write. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(from: SimulatedDevice, to: SimulatedDevice, sectors: number) {
    this.#from = from
    this.#to = to
    this.#sectors = sectors
    void this.#copy()
  }

  get state(): BlockMirrorState {
    return { copiedFraction: this.#copied / this.#sectors, isHealthy: this.#isHealthy }
  }

  read(sector: number): Promise<string> {
    return this.#from.read(sector)
  }

  /** Answers false where the write must go to the next table. */
  async write(sector: number, content: string): Promise<boolean> {
    return await this.#alone(async () => {
      const results = await Promise.allSettled([
        this.#from.write(sector, content),
        this.#to.write(sector, content),
      ])
      if (results.every(({ status }) => status === 'fulfilled')) return true
      this.#isHealthy = false
      return false
    })
  }

  end(): void {
    this.#hasEnded = true
  }

  async #copy(): Promise<void> {
    while (this.#copied < this.#sectors && !this.#hasEnded && this.#isHealthy) {
      await this.#alone(async () => {
        try {
          await this.#to.write(this.#copied, await this.#from.read(this.#copied))
          this.#copied += 1
        } catch {
          this.#isHealthy = false
        }
      })
    }
  }

  #alone<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(act)
    this.#last = result.catch(() => {})
    return result
  }
}
