import assert from 'node:assert/strict'
import type { SecureLink, SecureLinkEnd, SecureLinks } from '../../src/ports/secure-link.ts'
import type { ContractCase, Disposable } from './contract.ts'

/** One of the two hosts. */
export interface LinkHost {
  readonly links: SecureLinks
  /** Where the other host reaches it. */
  readonly address: string
  /** As after a crash of the daemon. */
  restart(): Promise<void>
  /** Whether a packet from this host to an inner address of the other one is answered. */
  reaches(innerAddress: string): Promise<boolean>
}

export interface SecureLinkFixture extends Disposable {
  readonly hosts: readonly [LinkHost, LinkHost]
  newName(): string
}

const [firstInner, secondInner] = ['fd00:c705:0:1::1', 'fd00:c705:0:1::2'] as const
const sharedKey = Buffer.alloc(32, 7).toString('base64')

interface Ends {
  readonly name: string
  readonly first: SecureLink
  readonly second: SecureLink
}

/** A link reserved on both sides and not yet there. */
async function reserved({ hosts, newName }: SecureLinkFixture): Promise<Ends> {
  const name = newName()
  const [one, other] = hosts
  const oneEnd = await one.links.reserve(name)
  const otherEnd = await other.links.reserve(name)
  const towards = ({ address }: LinkHost, end: SecureLinkEnd) => ({ ...end, address })
  return {
    name,
    first: {
      ...{ name, localAddress: firstInner, peerAddress: secondInner, sharedKey },
      peer: towards(other, otherEnd),
    },
    second: {
      ...{ name, localAddress: secondInner, peerAddress: firstInner, sharedKey },
      peer: towards(one, oneEnd),
    },
  }
}

async function established(fixture: SecureLinkFixture, ends: Ends): Promise<void> {
  const [one, other] = fixture.hosts
  await one.links.establish(ends.first)
  await other.links.establish(ends.second)
}

async function closed({ hosts }: SecureLinkFixture, { name }: Ends): Promise<void> {
  for (const { links } of hosts) await links.close(name)
}

export const secureLinkCases: readonly ContractCase<SecureLinkFixture>[] = [
  {
    name: 'keeps a key and a port from the first time until it is closed, also over a restart',
    async run({ hosts: [host], newName }) {
      const [name, another] = [newName(), newName()]
      const end = await host.links.reserve(name)
      const other = await host.links.reserve(another)
      assert.match(end.publicKey, /^[0-9A-Za-z+/]{43}=$/)
      assert.notEqual(end.publicKey, other.publicKey)
      assert.notEqual(end.port, other.port)
      await host.restart()
      assert.deepEqual(await host.links.reserve(name), end)
      assert.deepEqual(await host.links.list(), [name, another].sort())
      await host.links.close(name)
      await host.links.close(name)
      assert.deepEqual(await host.links.list(), [another])
      await host.links.close(another)
    },
  },
  {
    name: 'carries between two hosts, made once or again, and no more when one side has closed',
    async run(fixture) {
      const [one, other] = fixture.hosts
      const ends = await reserved(fixture)
      await established(fixture, ends)
      assert.equal(await one.reaches(secondInner), true)
      assert.equal(await other.reaches(firstInner), true)
      await other.restart()
      await established(fixture, ends)
      assert.equal(await one.reaches(secondInner), true)
      await other.links.close(ends.name)
      assert.equal(await one.reaches(secondInner), false)
      await closed(fixture, ends)
    },
  },
  {
    name: 'carries nothing for one who has another key',
    async run(fixture) {
      const [one, other] = fixture.hosts
      const ends = await reserved(fixture)
      const stranger = await other.links.reserve(`${ends.name}-other`)
      const peer = { ...ends.first.peer, publicKey: stranger.publicKey }
      await established(fixture, { ...ends, first: { ...ends.first, peer } })
      assert.equal(await one.reaches(secondInner), false)
      await other.links.close(`${ends.name}-other`)
      await closed(fixture, ends)
    },
  },
  {
    name: 'carries nothing for one who knows the keys and not the shared one',
    async run(fixture) {
      const [one] = fixture.hosts
      const ends = await reserved(fixture)
      const guessed = Buffer.alloc(32, 8).toString('base64')
      await established(fixture, { ...ends, second: { ...ends.second, sharedKey: guessed } })
      assert.equal(await one.reaches(secondInner), false)
      await closed(fixture, ends)
    },
  },
  {
    name: 'carries for two links at once, and closing one leaves the other',
    async run(fixture) {
      const [one] = fixture.hosts
      const ends = await reserved(fixture)
      const more = await reserved(fixture)
      const [third, fourth] = ['fd00:c705:0:2::1', 'fd00:c705:0:2::2']
      await established(fixture, ends)
      await established(fixture, {
        name: more.name,
        first: { ...more.first, localAddress: third, peerAddress: fourth },
        second: { ...more.second, localAddress: fourth, peerAddress: third },
      })
      assert.equal(await one.reaches(fourth), true)
      await closed(fixture, ends)
      assert.equal(await one.reaches(secondInner), false)
      assert.equal(await one.reaches(fourth), true)
      await closed(fixture, more)
    },
  },
  {
    name: 'makes no link that was not reserved',
    async run(fixture) {
      const ends = await reserved(fixture)
      const name = fixture.newName()
      await assert.rejects(fixture.hosts[0].links.establish({ ...ends.first, name }), {
        code: 'NOT_FOUND',
      })
      await closed(fixture, ends)
    },
  },
]
