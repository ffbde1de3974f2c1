import { afterEach, beforeEach, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { sampleStorage } from '../../../test/support/sample-daemons.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { CrosspoolError } from '../../model/errors.ts'
import { type AnsweredRequest, mountOperating } from './mount-operating.ts'

let server: OpenServer
let hypervisor: () => Promise<unknown>
let answered: AnsweredRequest[]

beforeEach(() => {
  answered = []
  hypervisor = async () => 'there'
  server = sampleStorage()
  mountOperating(server.app, {
    clock: systemClock,
    readiness: { store: async () => null, hypervisor: () => hypervisor() },
    metrics: async () => ({ type: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    answered: (request) => answered.push(request),
  })
})
afterEach(() => server.close())

const get = (url: string) => server.inject({ method: 'GET', url })

test('a daemon that lives says so, and that it is ready', async () => {
  expect((await get('/healthz')).json()).toEqual({ status: 'ok' })
  const ready = await get('/readyz')
  expect(ready.statusCode).toBe(200)
  expect(ready.json()).toEqual({ status: 'ok', checks: { store: 'ok', hypervisor: 'ok' } })
})

test('one that cannot work says what is missing, and nothing of its inside', async () => {
  hypervisor = () => {
    const details = { command: 'xl info', how: 'exit code 1', output: 'no dom0' }
    return Promise.reject(new CrosspoolError('COMMAND_FAILED', details))
  }
  const failing = await get('/readyz')
  expect(failing.statusCode).toBe(503)
  expect(failing.json()).toEqual({
    status: 'not ready',
    checks: { store: 'ok', hypervisor: 'xl info failed (exit code 1): no dom0' },
  })
  hypervisor = () => Promise.reject(new Error('secret inside'))
  expect((await get('/readyz')).body).not.toContain('secret')
})

test('one that does not answer in time counts as not there', async () => {
  hypervisor = () => new Promise(() => {})
  expect((await get('/readyz')).json().checks.hypervisor).toContain('was not done within 3000 ms')
})

test('metrics come as text; requests are counted by their route, not by their address', async () => {
  const metrics = await get('/metrics')
  expect(metrics.headers['content-type']).toContain('text/plain; version=0.0.4')
  expect(metrics.body).toBe('up 1\n')
  await get('/v1/vdis/one')
  await get('/v1/there-is-no-such-thing')
  expect(answered.map(({ route, status }) => [route, status])).toEqual([
    ['/metrics', 200],
    ['/v1/vdis/:vdi', 200],
    ['unknown', 404],
  ])
})
