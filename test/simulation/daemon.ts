import { Life, type LifeHooks } from './life.ts'

export interface DaemonOptions<Service> {
  /** sm-one, xapi-two, ... */
  readonly name: string
  readonly host: string
  /** Starts the program; what it answers serves from then on. */
  start(life: Life): Promise<Service>
  readonly hooks: LifeHooks
}

/** A daemon of one host: it may crash at any point, and is then started anew. */
export class Daemon<Service> {
  readonly name: string
  readonly host: string
  readonly #options: DaemonOptions<Service>
  #life: Life | null = null
  #service: Service | null = null

  constructor(options: DaemonOptions<Service>) {
    this.#options = options
    this.name = options.name
    this.host = options.host
  }

  /** Null while it does not serve. */
  get service(): Service | null {
    return this.#service
  }

  get life(): Life | null {
    return this.#life
  }

  /** Does not reject: a start that fails is a crash. */
  async start(): Promise<void> {
    if (this.#life) return
    const life = new Life(this.#options.hooks)
    this.#life = life
    const service = await this.#options.start(life)
    if (!life.isOver) this.#service = service
  }

  crash(): void {
    const life = this.#life
    this.#life = null
    this.#service = null
    life?.end()
  }
}
