import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MiB } from '../../src/lib/units.ts'
import { waitUntil } from '../lab/support/wait-until.ts'
import { Playground } from './playground.ts'
import type { PlaygroundHost } from './playground-host.ts'
import { processesOf } from './run-directory.ts'

/** Secrets are where they must be, and nowhere else. */
let playground: Playground

beforeAll(async () => {
  playground = await Playground.open()
})

afterAll(() => playground?.close())

/** All that another user of the host, or a reader of its logs, could see. */
async function whatShows({ plan, toolstack }: PlaygroundHost): Promise<string> {
  const commands = (await processesOf(plan.directory)).map(({ command }) => command)
  const logs = ['sm.log', 'xapi.log'].map((name) => readFile(join(plan.directory, name), 'utf8'))
  const audits = ['sm/sm-access', 'xapi'].map((folder) =>
    readFile(join(plan.directory, 'state', folder, 'audit/audit.jsonl'), 'utf8').catch(() => ''),
  )
  const shown = [await toolstack.listReceivers(), await toolstack.listOperations()]
  return [...commands, ...(await Promise.all([...logs, ...audits])), JSON.stringify(shown)].join(
    '\n',
  )
}

it("a receiver's token, a mirror's secret and an API token show nowhere", async () => {
  const [source, destination] = [playground.host('alpha1'), playground.host('beta1')]
  const guest = playground.guest({ name: 'secretive', number: 150 })
  await guest.startOn(source, [await source.newDisk('raw', 'secretive', 32 * MiB)])
  const { secret: apiToken } = await source.toolstack.createToken({
    body: { name: 'canary', role: 'viewer' },
  })
  const request = await source.toolstack.receiveRequest({
    params: { vm: guest.name },
    body: { destination: destination.url },
  })
  const { receiver, token } = await destination.toolstack.receive({
    body: { ...request, heartbeatDeadlineMs: 600_000 },
  })
  const uri = receiver.disks[0]?.replicationUri ?? ''
  const secret = /secret=([0-9a-f]+)$/.exec(uri)?.[1] ?? ''
  expect(secret.length).toBeGreaterThan(30)
  const vdi = request.disks[0]?.vdi ?? ''
  const { id } = await source.storage.replicateTo(vdi, uri)
  await waitUntil(async () => (await source.storage.getReplication(id)).state === 'synced', {
    ...{ description: 'the mirror to be in sync', timeoutMs: 60_000 },
  })
  // It is used, and an altered one is refused.
  await expect(destination.storage.replicateTo(vdi, `${uri}0`)).rejects.toThrow()
  const params = { receiver: receiver.id }
  await expect(
    destination.toolstack.getReceiver({ params, token: `${token.slice(1)}0` }),
  ).rejects.toMatchObject({ code: 'UNAUTHORIZED' })

  const shown = (await Promise.all(playground.hosts.map(whatShows))).join('\n')
  expect(shown).toContain('createToken')
  expect(shown).toContain(receiver.id)
  for (const kept of [apiToken, token, secret]) expect(shown).not.toContain(kept)

  await source.storage.stopReplication(id, 'volume')
  await destination.toolstack.abort({ params, token, body: { reason: 'enough seen' } })
  await guest.end(source)
})

it('keys, records and the audit log are for the user of the daemons alone', async () => {
  for (const { plan, sockets } of playground.hosts) {
    const state = join(plan.directory, 'state')
    const files = await readdir(state, { recursive: true, withFileTypes: true })
    const secret = files.filter(({ name }) => /^identity\.pem$|^audit\.jsonl$/.test(name))
    expect(secret.length).toBeGreaterThan(2)
    for (const { parentPath, name } of secret)
      expect((await stat(join(parentPath, name))).mode & 0o077, name).toBe(0)
    for (const path of Object.values(sockets)) expect((await stat(path)).mode & 0o077).toBe(0)
  }
})
