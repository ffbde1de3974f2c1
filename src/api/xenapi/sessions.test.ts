import { describe, expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { systemRandom } from '../../drivers/system/random.ts'
import { authenticateLoopback, Sessions } from './sessions.ts'

const hourMs = 3_600_000
const here = { address: '127.0.0.1' }

function open() {
  const clock = createSimulatedClock()
  const parts = { clock, random: systemRandom, authenticate: authenticateLoopback }
  return { clock, sessions: new Sessions(parts) }
}

describe('sessions', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])(
    'begin from %s',
    async (address) => {
      const { sessions } = open()
      const { ref } = await sessions.login('root', '', { address })
      expect(sessions.use(ref).user).toBe('root')
    },
  )

  it.each(['10.0.0.1', '::ffff:10.0.0.1', '1127.0.0.1', '::11', '', null])(
    'do not begin from %s',
    async (address) => {
      const { sessions } = open()
      await expect(sessions.login('root', '', { address })).rejects.toThrow(
        'SESSION_AUTHENTICATION_FAILED root',
      )
    },
  )

  it('end after a day in which nobody used them', async () => {
    const { clock, sessions } = open()
    const { ref } = await sessions.login('root', '', here)
    await clock.advance(23 * hourMs)
    sessions.use(ref)
    await clock.advance(23 * hourMs)
    sessions.use(ref)
    await clock.advance(25 * hourMs)
    expect(() => sessions.use(ref)).toThrow('SESSION_INVALID')
  })

  it('make room for new ones: the one that was idle for longest goes', async () => {
    const { clock, sessions } = open()
    const first = await sessions.login('root', '', here)
    await clock.advance(1)
    const second = await sessions.login('root', '', here)
    await clock.advance(1)
    sessions.use(first.ref)
    for (let count = 2; count < 501; count += 1) {
      await clock.advance(1)
      await sessions.login('root', '', here)
    }
    sessions.use(first.ref)
    expect(() => sessions.use(second.ref)).toThrow('SESSION_INVALID')
  })
})
