import { describe, expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import type { Caller } from '../../model/access.ts'
import { Sessions } from './sessions.ts'

const hourMs = 3_600_000
const caller: Caller = {
  ...{ kind: 'token', id: 'token-1', name: 'someone', role: 'viewer' },
  expiresAtMs: null,
}

function open(expiresAtMs: number | null = null) {
  const clock = createSimulatedClock()
  const authenticate = async (password: string) =>
    password === 'right' ? { ...caller, expiresAtMs } : null
  const parts = { clock, random: systemRandom, authenticate }
  return { clock, sessions: new Sessions(parts) }
}

describe('sessions', () => {
  it('begin with a token alone, whatever the name', async () => {
    const { sessions } = open()
    const { ref } = await sessions.login('anyone', 'right')
    expect(sessions.use(ref)).toMatchObject({ user: 'anyone', caller })
    for (const password of ['', 'wrong', 'any'])
      await expect(sessions.login('root', password)).rejects.toThrow(
        'SESSION_AUTHENTICATION_FAILED root',
      )
  })

  it('end with their token', async () => {
    const { sessions } = open()
    const { ref } = await sessions.login('root', 'right')
    sessions.endOf('another')
    sessions.use(ref)
    sessions.endOf('token-1')
    expect(() => sessions.use(ref)).toThrow('SESSION_INVALID')
  })

  it('end when their token expires', async () => {
    const { clock, sessions } = open(createSimulatedClock().now() + hourMs)
    const { ref } = await sessions.login('root', 'right')
    await clock.advance(hourMs - 1)
    sessions.use(ref)
    await clock.advance(1)
    expect(() => sessions.use(ref)).toThrow('SESSION_INVALID')
  })

  it('end after a day in which nobody used them', async () => {
    const { clock, sessions } = open()
    const { ref } = await sessions.login('root', 'right')
    await clock.advance(23 * hourMs)
    sessions.use(ref)
    await clock.advance(23 * hourMs)
    sessions.use(ref)
    await clock.advance(25 * hourMs)
    expect(() => sessions.use(ref)).toThrow('SESSION_INVALID')
  })

  it('make room for new ones: the one that was idle for longest goes', async () => {
    const { clock, sessions } = open()
    const first = await sessions.login('root', 'right')
    await clock.advance(1)
    const second = await sessions.login('root', 'right')
    await clock.advance(1)
    sessions.use(first.ref)
    for (let count = 2; count < 501; count += 1) {
      await clock.advance(1)
      await sessions.login('root', 'right')
    }
    sessions.use(first.ref)
    expect(() => sessions.use(second.ref)).toThrow('SESSION_INVALID')
  })
})
