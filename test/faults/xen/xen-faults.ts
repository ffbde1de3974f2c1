import { setTimeout as sleep } from 'node:timers/promises'
import type { LabLink } from '../../lab/lab-link.ts'
import { waitUntil } from '../../lab/support/wait-until.ts'
import type { Ending, Place } from '../faults.ts'
import type { XenFault, XenSides } from './xen-fault.ts'
import { guestFaults } from './xen-guest-faults.ts'
import { shortages } from './xen-shortages.ts'

/** Longer than both sides wait for each other in the lab. */
const outageMs = 60_000
/** Over a link as slow as that all of the memory would take a quarter of an hour, of which each minute is as the one before. */
const slowMs = 120_000

const source: readonly Place[] = ['source']
const destination: readonly Place[] = ['destination']
const either: readonly Place[] = ['source', 'destination']
const nowhere: readonly Place[] = ['nowhere']
const forwards = { before: either, handover: either, after: destination }
const onlyMemory = ['synchronise', 'arm', 'release', 'take', 'unmirror']

function losePower(side: 'source' | 'destination'): XenFault['inject'] {
  return async (sides) => {
    const { lab } = sides[side]
    await lab.powerCut()
    await lab.start()
    return async () => lab.waitUntilUp()
  }
}

/** The destination hears of nothing until the source has booted, and has tried to start its guests. */
async function losePowerUnheard({ source, destination, link, guest }: XenSides): Promise<Ending> {
  await destination.lab.run('systemctl kill --signal=STOP crosspool-xapi')
  await waitUntil(
    async () => (await source.toolstack.listOwnerships()).some(({ state }) => state === 'released'),
    { description: 'the release to be recorded', timeoutMs: 60_000, intervalMs: 50 },
  )
  await link.blackhole()
  await source.lab.powerCut()
  await source.lab.start()
  await source.lab.waitUntilUp()
  const ask = 'systemctl show --property ActiveState --value xendomains'
  await waitUntil(async () => ['active', 'failed'].includes(await source.lab.run(ask)), {
    description: 'xl to have started its guests',
    timeoutMs: 120_000,
  })
  const { exitCode } = await source.lab.exec(['xl', 'list', guest.name])
  if (exitCode === 0) throw new Error('xl has started a VM that was released')
  return async () => {
    await link.heal()
    await destination.lab.run('systemctl kill --signal=CONT crosspool-xapi')
  }
}

/** Ends what sends memory, or receives it: whatever the pattern finds at that side, and there must be something. */
function killSending(
  program: string,
  patterns: Readonly<Record<'source' | 'destination', string>>,
): readonly XenFault[] {
  return (['source', 'destination'] as const).map((side) => ({
    name: `${program} killed at the ${side}`,
    expected: { before: source },
    except: onlyMemory,
    async inject(sides) {
      await sides[side].lab.run(`pkill -KILL -f '${patterns[side]}'`)
      return async () => {}
    },
  }))
}

/** What a daemon has begun outlives it. */
function killDaemons(side: 'source' | 'destination', ...units: string[]): XenFault['inject'] {
  return async (sides) => {
    await sides[side].lab.run(`systemctl kill --kill-whom=main --signal=KILL ${units.join(' ')}`)
    return async () => {}
  }
}

function killWithChildren(side: 'source' | 'destination', unit: string): XenFault['inject'] {
  return async (sides) => {
    await sides[side].lab.run(`systemctl kill --signal=KILL ${unit}`)
    return async () => {}
  }
}

function breakLink(change: (link: LabLink) => Promise<unknown>): XenFault['inject'] {
  return async ({ link }) => {
    await change(link)
    return async () => {
      await sleep(outageMs)
      await link.heal()
    }
  }
}

function turnClock(side: 'source' | 'destination', by: string, back: string): XenFault['inject'] {
  return async (sides) => {
    await sides[side].lab.run(`date --set '${by}'`)
    return async (finished) => {
      await finished
      await sides[side].lab.run(`date --set '${back}'`)
    }
  }
}

export const xenFaults: readonly XenFault[] = [
  {
    name: 'source loses its power',
    // Nothing of xl's may start it there by itself; whether the destination runs it depends on the record.
    expected: { before: nowhere, handover: ['nowhere', 'destination'], after: destination },
    // Not fenced yet: xl starts it again at the source, as a life of its own.
    except: ['synchronise', 'arm'],
    inject: losePower('source'),
  },
  {
    name: 'source loses its power, and the destination hears of nothing before it has booted',
    expected: { handover: ['nowhere', 'destination'] },
    // It is to be seen before the release is recorded.
    except: ['take'],
    inject: losePowerUnheard,
  },
  {
    name: 'destination loses its power',
    expected: { before: source, handover: ['source', 'nowhere'], after: nowhere },
    inject: losePower('destination'),
  },
  ...killSending('xl', { source: 'x[l] migrate -s', destination: 'x[l] migrate-receive' }),
  ...killSending('libxl-save-helper', {
    source: 'libxl-save-helpe[r]',
    destination: 'libxl-save-helpe[r]',
  }),
  {
    name: 'DRBD disconnected by hand at the source',
    expected: { before: either },
    inject: async ({ source: { lab } }) => {
      await lab.run('drbdadm -c /var/lib/crosspool/drbd.conf disconnect all')
      return async () => {}
    },
  },
  {
    name: 'source xapi killed',
    expected: { before: source, handover: either, after: destination },
    inject: killDaemons('source', 'crosspool-xapi'),
  },
  {
    name: 'destination xapi killed',
    expected: forwards,
    inject: killDaemons('destination', 'crosspool-xapi'),
  },
  {
    name: 'source xapi killed, and xl with it',
    expected: { before: source, handover: either },
    except: ['synchronise', 'arm'],
    inject: killWithChildren('source', 'crosspool-xapi'),
  },
  {
    name: 'destination xapi killed, and xl with it',
    expected: { before: source, handover: either },
    except: ['synchronise', 'arm'],
    inject: killWithChildren('destination', 'crosspool-xapi'),
  },
  { name: 'source sm killed', expected: forwards, inject: killDaemons('source', 'crosspool-sm') },
  {
    name: 'destination sm killed',
    expected: forwards,
    inject: killDaemons('destination', 'crosspool-sm'),
  },
  {
    name: 'both daemons of the source killed',
    expected: { before: source, handover: either, after: destination },
    inject: killDaemons('source', 'crosspool-sm', 'crosspool-xapi'),
  },
  {
    name: 'both daemons of the destination killed',
    expected: forwards,
    inject: killDaemons('destination', 'crosspool-sm', 'crosspool-xapi'),
  },
  {
    name: 'link cut for a minute',
    expected: { before: source, handover: either, after: destination },
    inject: breakLink((link) => link.cut()),
  },
  {
    name: 'link half-open for a minute',
    expected: { before: source, handover: either, after: destination },
    inject: breakLink((link) => link.blackhole('out')),
  },
  {
    name: 'link slow for two minutes: 50 ms each way, 2 % lost',
    expected: { before: destination, handover: destination, after: destination },
    inject: async ({ link }) => {
      await link.delay(50)
      await link.loss(2)
      return async (finished) => {
        await Promise.race([finished, sleep(slowMs)])
        await link.heal()
      }
    },
  },
  {
    name: "source's clock an hour ahead",
    expected: { before: destination, handover: destination, after: destination },
    inject: turnClock('source', '+1 hour', '-1 hour'),
  },
  {
    name: "destination's clock an hour back",
    expected: { before: destination, handover: destination, after: destination },
    inject: turnClock('destination', '-1 hour', '+1 hour'),
  },
  ...guestFaults,
  ...shortages,
]
