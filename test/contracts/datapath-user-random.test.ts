import { it, vi } from 'vitest'
import { DiskJourneys } from './user-disk-journeys.ts'

/** Whatever fails, a VM runs in one place at a time, sees no error and loses no write. CROSSPOOL_SEEDS=FIRST-LAST tries more. */
const journeys = 4
const [first = 1, last = first] = (process.env.CROSSPOOL_SEEDS ?? '1-2').split('-').map(Number)
vi.setConfig({ testTimeout: 300_000 })

const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index)

it.each(seeds)('nothing that was written is lost: seed %d', async (seed) => {
  const vm = await DiskJourneys.prepare(String(seed))
  try {
    await vm.begin()
    for (let journey = 0; journey < journeys; journey += 1) await vm.go()
  } catch (error) {
    console.error(`seed ${seed}: ${vm.history}`)
    throw error
  } finally {
    await vm.end()
  }
})
