import { expect, it } from 'vitest'
import { metric } from '../metric.ts'
import { documentLine, machineFacts } from './document.ts'

it('is one line, with the goals beside all that was measured', () => {
  for (const lab of ['qemu', 'xen'] as const) {
    const name = `${lab}.blackout`
    const metrics = [metric(name, 2, 'ratio', { atMost: 1.05 }), metric('other', 3, 'ms')]
    const line = documentLine({
      ...{ lab, takenAt: '', machine: machineFacts(0), link: { bitsPerSecond: null } },
      ...{ metrics, samples: [] },
    })
    expect(line).not.toContain('\n')
    const goals = { [name]: { value: 2, goal: 1.05, better: 'lower', met: false } }
    expect(JSON.parse(line)).toMatchObject({ lab, metrics, goals })
  }
})
