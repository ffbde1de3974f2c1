import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { ensurePackages } from '../lab/support/packages.ts'
import { documentScript, walkthroughScript } from '../support/walkthrough.ts'
import { writeCommand, writeExamples } from './examples.ts'
import { Playground } from './playground.ts'
import { type Traces, tracesOf } from './traces.ts'

/** What documents and the playground tell a reader to type works as it stands. */
let playground: Playground
let before: readonly Traces[]

beforeAll(async () => {
  await ensurePackages(() => {}, ['curl', 'jq'])
  playground = await Playground.open()
  before = await tracesOf(playground)
})

afterAll(() => playground?.close())

const bash = (input: string) => execa('bash', ['-s'], { input, timeout: 80_000 })

it('two storage managers mirror a disk by one URI, with curl alone', async () => {
  const [source, target] = [playground.host('alpha1'), playground.host('beta1')]
  const script = walkthroughScript('replicate-a-disk.md', {
    SOURCE_SM: source.curl('sm'),
    TARGET_SM: target.curl('sm'),
    SOURCE_SR: await source.sr('raw'),
    TARGET_SR: await target.sr('qcow2'),
  })
  expect((await bash(script)).stdout).toContain('"state": "synced"')
  expect(await tracesOf(playground)).toEqual(before)
})

it('a whole migration is done by hand, with curl alone', async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const guest = playground.guest({ name: 'byhand', number: 120 })
  await guest.startOn(source, [await source.newDisk('raw', 'byhand', 32 * MiB)])
  await bash(
    walkthroughScript('migrate-by-hand.md', {
      SOURCE_XAPI: source.curl('xapi'),
      SOURCE_SM: source.curl('sm'),
      DESTINATION_XAPI: destination.curl('xapi'),
      DESTINATION_SM: destination.curl('sm'),
      DESTINATION_URL: destination.url,
      VM: guest.name,
    }),
  )
  await guest.waitUntilOn(destination)
  expect((await guest.checkWrites(destination)).problems).toEqual([])
  expect((await guest.end(destination)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

it('the tutorial moves a VM there and back', async () => {
  const source = playground.host('alpha1')
  const guest = playground.guest({ name: 'walker', number: 121 })
  await guest.startOn(source, [
    await source.newDisk('raw', 'tutorial-root', 16 * MiB),
    await source.newDisk('qcow2', 'tutorial-data', 16 * MiB),
  ])
  await Promise.all(playground.hosts.map(writeCommand))
  const { stdout } = await bash(documentScript('tutorial.md', { DIRECTORY: playground.directory }))
  expect(stdout).toContain('No migration runs here.')
  await guest.waitUntilOn(source)
  expect((await guest.end(source)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

it.each(['add-a-host', 'wan-migration', 'recover'])('how-to %s', async (page) => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const guest = playground.guest({ name: 'mover', number: 122 })
  await guest.startOn(source, [await source.newDisk('raw', 'mover', 16 * MiB)])
  await writeCommand(source)
  await bash(
    documentScript(`how-to/${page}.md`, {
      PATH: `${source.plan.directory}:${process.env.PATH}`,
      LINE: (await destination.toolstack.invitePeer()).line,
      NEW_HOST: 'beta/beta1',
      VM: 'mover',
      DESTINATION: 'beta/beta1',
    }),
  )
  const home = page === 'wan-migration' ? destination : source
  await guest.waitUntilOn(home)
  expect((await guest.end(home)).problems).toEqual([])
  expect(await tracesOf(playground)).toEqual(before)
})

it('all that `npm run playground` proposes can be done', async () => {
  const source = playground.host('alpha1')
  const guest = playground.guest({ name: 'walker', number: 101 })
  await guest.startOn(source, [
    await source.newDisk('raw', 'walker-root', 64 * MiB),
    await source.newDisk('qcow2', 'walker-data', 256 * MiB),
  ])
  for (const { command } of await writeExamples(playground, guest)) {
    const { stdout } = await bash(`set -euo pipefail\n${command}`)
    expect(stdout, command).not.toBe('')
    await operationsHaveEnded()
  }
  await guest.waitUntilOn(source)
  expect((await guest.end(source)).problems).toEqual([])
})

/** A migration that was asked for by HTTP goes on by itself. */
async function operationsHaveEnded(): Promise<void> {
  const unfinished = async () => {
    const lists = await Promise.all(playground.hosts.map((host) => host.toolstack.listOperations()))
    return lists.flat().filter(({ state }) => state !== 'succeeded')
  }
  await expect.poll(unfinished, { timeout: 60_000 }).toEqual([])
}
