import { expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { createMemoryRecordStore } from '../../drivers/simulated/record-store.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { Tokens } from './tokens.ts'

function open() {
  const [clock, store] = [createSimulatedClock(), createMemoryRecordStore()]
  const revoked: string[] = []
  const parts = { clock, store, random: systemRandom }
  return {
    clock,
    store,
    revoked,
    tokens: new Tokens({ ...parts, onRevoked: (id) => void revoked.push(id) }),
  }
}

it('a token is known by its secret, which is nowhere kept', async () => {
  const { tokens, store } = open()
  const { secret, token } = await tokens.create({ name: 'deploy', role: 'operator' })
  expect(secret).toMatch(/^[0-9a-f]{64}$/)
  expect(await tokens.callerOf(secret)).toMatchObject({ name: 'deploy', role: 'operator' })
  expect(JSON.stringify(await store.list(''))).not.toContain(secret)
  expect(await tokens.list()).toEqual([token])
  for (const wrong of [
    '',
    token.id,
    'deploy',
    `${secret}0`,
    secret.toUpperCase().replace(/\d/g, '0'),
  ])
    expect(await tokens.callerOf(wrong)).toBeNull()
})

it('ends when it is revoked, by id or name, and whoever uses it is told of', async () => {
  const { tokens, revoked } = open()
  const [first, second] = [
    await tokens.create({ name: 'first', role: 'viewer' }),
    await tokens.create({ name: 'second', role: 'viewer' }),
  ]
  await tokens.revoke('first')
  await tokens.revoke(second.token.id)
  expect(revoked).toEqual([first.token.id, second.token.id])
  expect(await tokens.callerOf(first.secret)).toBeNull()
  await expect(tokens.revoke('first')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('ends at its time', async () => {
  const { tokens, clock } = open()
  const expiresAtMs = clock.now() + 1_000
  const { secret } = await tokens.create({ name: 'brief', role: 'viewer', expiresAtMs })
  await clock.advance(999)
  expect(await tokens.callerOf(secret)).not.toBeNull()
  await clock.advance(1)
  expect(await tokens.callerOf(secret)).toBeNull()
})

it('bears a name of its own', async () => {
  const { tokens } = open()
  await tokens.create({ name: 'deploy', role: 'viewer' })
  await expect(tokens.create({ name: 'deploy', role: 'viewer' })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  })
})
