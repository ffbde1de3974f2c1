import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { SeededRandom } from '../simulation/seeded-random.ts'
import { withNbd } from './nbd-guest.ts'
import { blockBytes } from './user-mirror.ts'

/** Far above the deadline of a mirror, and what a guest waits at most. */
export const patienceMs = 60_000
const blocks = 64

/** A VM on one disk: it writes one block after the other, and knows what each must have. */
export interface DiskGuest {
  run(): void
  /** Until nothing of it is under way. Rejects when it has seen an error. */
  wait(): Promise<void>
  /** It waits, and finds what it has written. */
  check(): Promise<void>
}

export function createDiskGuest(
  diskBytes: number,
  path: () => string,
  random: SeededRandom,
): DiskGuest {
  const written = new Map<number, string>()
  const offsetOf = (block: number) => Math.floor((block * diskBytes) / blocks)
  let writes = 0
  let isRunning = false
  let running: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    while (isRunning) {
      writes += 1
      const block = random.below(blocks)
      const text = `write ${writes}. `
      const data = Buffer.alloc(blockBytes, text)
      await withNbd(path(), (client) => client.write(offsetOf(block), data), patienceMs)
      written.set(block, text)
      await pause(5)
    }
  }

  async function wait(): Promise<void> {
    isRunning = false
    await running
  }

  return {
    run() {
      if (isRunning) return
      isRunning = true
      running = write()
      running.catch(() => {})
    },
    wait,
    async check() {
      await wait()
      for (const [block, text] of written) {
        const read = () =>
          withNbd(path(), (client) => client.read(offsetOf(block), blockBytes), patienceMs)
        assert.equal((await read()).toString('utf8', 0, text.length), text, `block ${block}`)
      }
    },
  }
}
