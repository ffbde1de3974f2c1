import { afterAll, expect, it } from 'vitest'
import { faults } from '../faults/faults.ts'
import { phases } from '../faults/phases.ts'
import { createCellRunner } from '../faults/run-cells.ts'

/** Each moment and each kind of fault at least once; `npm run faults` tries every fault at every moment. */
const runners = [createCellRunner(0), createCellRunner(1)]
const free = [...runners]

afterAll(() => Promise.all(runners.map((runner) => runner.close())))

// Side by side, since most of the time is spent in waiting: as many as `maxConcurrency` lets begin.
it.concurrent.each([
  ['reserve', 'destination xapi killed'],
  ['replicate', 'source sm killed'],
  ['synchronise', 'link slow: 50 ms each way, with stalls'],
  ['synchronise', 'destination has no room left'],
  ['arm', 'both daemons of the destination killed'],
  ['memory', 'link half-open for 12 s'],
  ['memory', "destination's gateways killed"],
  ['release', "destination's QEMU killed"],
  ['take', 'link cut for 12 s'],
  ['taken', 'source xapi killed'],
  ['unmirror', "destination's storage processes killed"],
  ['put-away', 'both daemons of the source killed'],
])('%s: %s', async (phaseName, faultName) => {
  const phase = phases.find(({ name }) => name === phaseName)
  const fault = faults.find(({ name }) => name === faultName)
  const runner = free.pop()
  if (!phase || !fault || !runner) throw new Error('there is no such moment or fault, or no stage')
  try {
    const { problems, writesLost, ioErrors } = await runner.run(phase, fault)
    expect({ problems, writesLost, ioErrors }).toEqual({ problems: [], writesLost: 0, ioErrors: 0 })
  } finally {
    free.push(runner)
  }
})
