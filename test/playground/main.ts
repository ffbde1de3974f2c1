/** `npm run playground`: two pools with a running guest, to look at and to play with, until Ctrl-C. */
import { setInterval } from 'node:timers/promises'
import { MiB } from '../../src/lib/units.ts'
import { writeExamples } from './examples.ts'
import { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'

const watchIntervalMs = 500

const playground = await Playground.open({ log: console.error })
const source = playground.host('alpha1')
const guest = playground.guest({ name: 'walker', number: 101 })
const root = await source.newDisk('raw', 'walker-root', 64 * MiB)
const data = await source.newDisk('qcow2', 'walker-data', 256 * MiB)
await guest.startOn(source, [root, data])

for (const { name, pool, url, sockets } of playground.hosts)
  console.log(`${pool}/${name}   xapi and web UI ${url}, ${sockets.xapi}   sm ${sockets.sm}`)
console.log('\nTry, in another terminal:\n')
for (const { what, command } of await writeExamples(playground, guest))
  console.log(`  # ${what}\n  ${command}\n`)
console.log(`All of it is in ${playground.directory} and goes when you press Ctrl-C.\n`)
await tellWhereItRuns(guest)

/** For ever. */
async function tellWhereItRuns({ name }: PlaygroundGuest): Promise<void> {
  let told: string | undefined
  for await (const _ of setInterval(watchIntervalMs)) {
    const last = guest.observations(Date.now() - 2 * watchIntervalMs).at(-1)
    const place = last ? `on ${last.host}` : 'silent'
    if (place === told) continue
    console.log(`${new Date().toLocaleTimeString()}  ${name} is ${place}`)
    told = place
  }
}
