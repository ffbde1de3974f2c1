import { expect, it } from 'vitest'
import { createSimulatedClock } from '../../drivers/simulated/clock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { HeartbeatAnswer, ReceiverState } from '../../model/receiver.ts'
import { HeartbeatSender } from './heartbeat-sender.ts'

function senderWith(
  answer: () => { state: ReceiverState; skewMs?: number; reason?: string } | null,
) {
  const clock = createSimulatedClock()
  const lost: CrosspoolError[] = []
  const sender = new HeartbeatSender({
    clock,
    intervalMs: 1_000,
    deadlineMs: 5_000,
    send: async ({ sequence }): Promise<HeartbeatAnswer> => {
      const given = answer()
      if (!given) throw new CrosspoolError('PEER_UNREACHABLE', { url: 'x', reason: 'cut' })
      const receivedAtMs = clock.now() + (given.skewMs ?? 0)
      return { sequence, receivedAtMs, state: given.state, reason: given.reason ?? null }
    },
    describe: () => ({ phase: 'memory', replications: [] }),
    onLost: (error) => lost.push(error),
  })
  return { clock, sender, lost }
}

it('beats at every interval, with growing numbers, and measures the other clock', async () => {
  const { clock, sender, lost } = senderWith(() => ({ state: 'receiving', skewMs: 250 }))
  await clock.advance(3_500)
  expect(sender.statistics()).toEqual({ sequence: 4, missed: 0, clockSkewMs: 250, roundTripMs: 0 })
  expect(lost).toEqual([])
  sender.stop()
})

it('bears silence until the deadline', async () => {
  let isCut = true
  const { clock, sender, lost } = senderWith(() => (isCut ? null : { state: 'receiving' }))
  await clock.advance(4_500)
  isCut = false
  await clock.advance(10_000)
  expect(lost).toEqual([])
  expect(sender.statistics().missed).toBe(5)
  sender.stop()
})

it('gives up once after the deadline', async () => {
  const { clock, lost } = senderWith(() => null)
  await clock.advance(60_000)
  expect(lost.map(({ code }) => code)).toEqual(['HEARTBEAT_LOST'])
})

it('gives up when the destination says that it has, and tells why', async () => {
  const { clock, lost } = senderWith(() => ({ state: 'aborted', reason: 'no memory' }))
  await clock.advance(1)
  expect(lost.map(({ code }) => code)).toEqual(['PEER_FAILED'])
  expect(lost[0]?.message).toContain('given the migration up: no memory')
})

it('is silent once stopped', async () => {
  const { clock, sender, lost } = senderWith(() => null)
  sender.stop()
  await clock.advance(60_000)
  expect(lost).toEqual([])
  expect(sender.statistics().sequence).toBe(1)
})
