import { CrosspoolError } from '../../model/errors.ts'

/** One act on a VM at a time, and none while an operation holds it. */
export class VmActs {
  readonly #operationOf: (vm: string) => string | null
  readonly #running = new Map<string, string>()

  constructor(operationOf: (vm: string) => string | null) {
    this.#operationOf = operationOf
  }

  holderOf(vm: string): string | null {
    return this.#operationOf(vm) ?? this.#running.get(vm) ?? null
  }

  /** @throws BUSY */
  checkFree(vm: string): void {
    const user = this.holderOf(vm)
    if (user !== null) throw new CrosspoolError('BUSY', { kind: 'vm', id: vm, user })
  }

  /** @throws BUSY while another one has it */
  async run<Result>(vm: string, name: string, work: () => Promise<Result>): Promise<Result> {
    this.checkFree(vm)
    this.#running.set(vm, name)
    try {
      return await work()
    } finally {
      this.#running.delete(vm)
    }
  }
}
