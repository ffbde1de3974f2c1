import { waitUntil } from '../../lab/support/wait-until.ts'
import type { Place } from '../faults.ts'
import type { Era } from '../phases.ts'
import type { XenFault, XenSides } from './xen-fault.ts'

const destination: readonly Place[] = ['destination']
const either: readonly Place[] = ['source', 'destination']
const nowhere: readonly Place[] = ['nowhere']

const rebootsWithinMs = 240_000

/** Wherever the guest runs; while it is handed over it stands still. */
async function xl(words: readonly string[], sides: XenSides, era: Era): Promise<void> {
  const { lab } = era === 'after' ? sides.destination : sides.source
  const [command = '', ...more] = words
  await lab.run(['xl', command, sides.guest.name, ...more])
}

function end(...words: readonly string[]): XenFault['inject'] {
  return async (sides, era) => {
    await xl(words, sides, era)
    return async () => {}
  }
}

/** xl builds another domain then, of the same UUID, whoever moves the first one meanwhile. */
const reboot: XenFault['inject'] = async (sides, era) => {
  const { guest } = sides
  const boots = new Set((await guest.observations()).map(({ report }) => report.boot))
  const isBack = async () =>
    (await guest.observations()).some(
      ({ report: { boot, disks } }) =>
        !boots.has(boot) && disks.every(({ acknowledged }) => acknowledged > 0),
    )
  await xl(['sysrq', 'b'], sides, era)
  const options = { timeoutMs: rebootsWithinMs, intervalMs: 500 }
  return async () => {
    await waitUntil(isBack, { description: 'the guest to have booted again', ...options })
  }
}

export const guestFaults: readonly XenFault[] = [
  { name: 'guest shuts down', expected: { before: nowhere }, inject: end('shutdown') },
  // The new domain is sent, or none is.
  {
    name: 'guest reboots itself',
    expected: { before: either, after: destination },
    inject: reboot,
  },
  {
    name: 'guest crashes, and is kept as it is',
    expected: { before: nowhere, after: nowhere },
    inject: end('sysrq', 'c'),
  },
]
