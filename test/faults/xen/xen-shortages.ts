import { guestDirectory } from '../../lab/guest/test-guest.ts'
import type { Ending, Place } from '../faults.ts'
import type { XenFault, XenSides } from './xen-fault.ts'

const source: readonly Place[] = ['source']
const onlyWhileCopying = ['arm', 'memory']

/** Less than any guest of the lab has. */
const memoryLeftMib = 48
const folder = '/srv/images'
const filler = `${folder}/filler`

/** Another domain takes what the check before the migration has found free. */
async function takeMemory({ destination: { lab } }: XenSides): Promise<Ending> {
  const free = async () => Number(await lab.run("xl info | sed -n 's/^free_memory *: //p'"))
  const memory = (await free()) - memoryLeftMib
  const kernel = `${guestDirectory}/vmlinux`
  const words = ['name="glutton"', 'type="pvh"', `kernel="${kernel}"`, `memory=${memory}`]
  await lab.run(['xl', 'create', '-p', '/dev/null', ...words], { timeoutMs: 120_000 })
  if ((await free()) > memoryLeftMib * 1.5) throw new Error('the destination has memory left')
  return async (finished) => {
    await finished
    await lab.run(['xl', 'destroy', 'glutton'])
  }
}

async function fillFolder({ destination: { lab } }: XenSides): Promise<Ending> {
  // The last of it in small pieces, since a file system keeps some for its own maps.
  const most = `fallocate -l $((($(stat -f -c %f ${folder}) - 8192) * 4096)) ${filler}`
  await lab.run(`${most} && ! dd if=/dev/zero of=${filler}.rest bs=64k status=none`)
  return async (finished) => {
    await finished
    await lab.run(`rm -f ${filler} ${filler}.rest`)
  }
}

export const shortages: readonly XenFault[] = [
  {
    name: 'destination has no memory left',
    expected: { before: source },
    except: onlyWhileCopying,
    inject: takeMemory,
  },
  {
    name: 'destination has no room left for the copy',
    expected: { before: source },
    except: onlyWhileCopying,
    sr: 'files',
    inject: fillFolder,
  },
]
