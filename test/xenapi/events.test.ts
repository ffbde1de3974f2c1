import { describe, expect, it } from 'vitest'
import { classNames } from '../../src/api/xenapi/classes/index.ts'
import { failure, openXenApiScene } from '../support/xenapi-scene.ts'
import { openSession } from '../support/xenapi-session.ts'

const { hosts, source, vm } = await openXenApiScene()

describe('events', () => {
  it('tell everything at first, then only what changes, and nothing at the timeout', async () => {
    const first = await source.call('event.from', ['*'], '', 5)
    const counts = Object.fromEntries(classNames.map((name) => [name.toLowerCase(), 0]))
    for (const { operation, class: name } of first.events) {
      expect(operation).toBe('add')
      counts[name] = (counts[name] ?? 0) + 1
    }
    expect(first.valid_ref_counts).toEqual(counts)

    const waiting = source.call('event.from', ['task'], first.token, 10)
    const task = await source.call('task.create', 'copy', 'of something')
    const second = await waiting
    expect(second.events).toEqual([
      expect.objectContaining({ class: 'task', operation: 'add', ref: task }),
    ])
    expect(second.events[0].snapshot).toMatchObject({ name_label: 'copy', status: 'pending' })

    await source.call('task.destroy', task)
    const third = await source.call('event.from', [`task/${task}`, 'nobody'], second.token, 10)
    expect(third.events).toEqual([
      expect.objectContaining({ class: 'task', operation: 'del', ref: task }),
    ])
    expect(third.events[0]).not.toHaveProperty('snapshot')
    const last = await source.call('event.from', ['task'], third.token, 0.2)
    expect(last.events).toEqual([])
  })

  it('come for what was injected, and refuse tokens that are none', async () => {
    const token = await source.call('event.inject', 'VM', vm)
    const { events } = await source.call('event.from', ['vm'], token, 5)
    expect(events).toEqual([expect.objectContaining({ class: 'vm', operation: 'mod', ref: vm })])
    await expect(source.call('event.from', ['vm'], 'yesterday', 1)).rejects.toMatchObject(
      failure('EVENT_FROM_TOKEN_PARSE_FAILURE', 'yesterday'),
    )
    const old = `${'1'.padStart(20, '0')},${'0'.repeat(20)}`
    await expect(source.call('event.from', ['vm'], old, 1)).rejects.toMatchObject(
      failure('EVENTS_LOST'),
    )
  })

  it('end for a session that logs out while it waits', async () => {
    const { session, call } = await openSession(hosts.source)
    const { token } = await call('event.from', ['*'], '', 1)
    const waiting = call('event.from', ['VM'], token, 30)
    await call('session.logout')
    await expect(waiting).rejects.toMatchObject(failure('SESSION_INVALID', session))
  })

  it('come in the old way too', async () => {
    const { session, call } = await openSession(hosts.source)
    await expect(call('event.next')).rejects.toMatchObject(
      failure('SESSION_NOT_REGISTERED', session),
    )
    await call('event.register', ['vm'])
    const waiting = call('event.next')
    await source.call('event.inject', 'VM', vm)
    expect(await waiting).toEqual([expect.objectContaining({ operation: 'mod', ref: vm })])
    await call('event.unregister', ['vm'])
  })
})
