import { readBlock, writeBlock } from '../../src/drivers/simulated/datapath-device.ts'
import type { SimulatedCluster } from './simulated-cluster.ts'

/**
 * A guest that writes numbered records to each of its disks, wherever it runs, and remembers which
 * were acknowledged: a request that was not is sent again by its disk driver where it runs next.
 */
export class SimulatedGuest {
  readonly errors: string[] = []
  readonly acknowledged = new Map<string, number>()
  readonly #cluster: SimulatedCluster
  readonly #vm: string
  #isStopped = false

  constructor(cluster: SimulatedCluster, vm: string, slots: readonly string[]) {
    this.#cluster = cluster
    this.#vm = vm
    for (const slot of slots) void this.#write(slot)
  }

  stop(): void {
    this.#isStopped = true
  }

  /** What is wrong with the disks of the VM where it runs now; empty when no acknowledged write is lost. */
  problems(): string[] {
    const [host, ...others] = this.#cluster.vms.runningAt(this.#vm)
    if (host === undefined || others.length)
      return [`the VM runs on ${host ? [host, ...others].join(' and ') : 'no host'}`]
    const lost = [...this.acknowledged].filter(([slot, sequence]) => {
      const device = this.#device(host, slot)
      return (
        device === undefined ||
        Number(readBlock(this.#cluster.disks, host, device, 0) ?? 0) < sequence
      )
    })
    return [
      ...lost.map(([slot, sequence]) => `record ${sequence} of ${slot} is lost`),
      ...this.errors,
    ]
  }

  async #write(slot: string): Promise<void> {
    for (let sequence = 1; !this.#isStopped; ) {
      await this.#cluster.clock.sleep(7)
      const [host] = this.#cluster.vms.runningAt(this.#vm)
      const device = host && this.#device(host, slot)
      if (!host || !device) continue
      if (await this.#try(host, device, sequence)) {
        this.acknowledged.set(slot, sequence)
        sequence += 1
      }
    }
  }

  /** False when the VM left the host before the write was acknowledged. */
  async #try(host: string, device: string, sequence: number): Promise<boolean> {
    let answer: boolean | null = null
    void writeBlock(this.#cluster.disks, host, device, 0, String(sequence)).then(
      () => {
        answer = true
      },
      (error: Error) => {
        // What fails after the VM has left belongs to nobody.
        if (this.#cluster.vms.runningAt(this.#vm).includes(host)) this.errors.push(error.message)
        answer = false
      },
    )
    await Promise.resolve()
    while (answer === null && this.#cluster.vms.presentAt(this.#vm).includes(host)) {
      await this.#cluster.clock.sleep(5)
    }
    return answer ?? false
  }

  #device(host: string, slot: string): string | undefined {
    return this.#cluster.vms
      .host(host)
      .vms.get(this.#vm)
      ?.disks.find((disk) => disk.slot === slot)?.device
  }
}
