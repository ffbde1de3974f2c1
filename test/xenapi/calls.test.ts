import { describe, expect, it } from 'vitest'
import { classNames } from '../../src/api/xenapi/classes/index.ts'
import { vmName } from '../support/xenapi-hosts.ts'
import { ended, failure, openXenApiScene } from '../support/xenapi-scene.ts'
import { callXenApi, openSession, WireFailure } from '../support/xenapi-session.ts'

const { hosts, source, vm } = await openXenApiScene()

describe('sessions', () => {
  it('begin with a login and end with a logout', async () => {
    const { session, call } = await openSession(hosts.source)
    const [host] = await call('host.get_all')
    expect(await call('session.get_this_host', session)).toBe(host)
    expect(await call('session.get_uuid', session)).not.toContain(
      session.slice('OpaqueRef:'.length),
    )
    await expect(call('session.get_uuid', source.session)).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'session', source.session),
    )
    await call('session.logout')
    await expect(call('host.get_all')).rejects.toMatchObject(failure('SESSION_INVALID', session))
  })

  it('begin with a token of the API alone, and end with it', async () => {
    const { url, tokens } = hosts.source
    const login = (...given: string[]) => callXenApi(url, 'session.login_with_password', ...given)
    for (const password of ['', 'any', 'root'])
      await expect(login('root', password, '2.0', 'test')).rejects.toMatchObject(
        failure('SESSION_AUTHENTICATION_FAILED', 'root', expect.any(String)),
      )
    const { secret, token } = await tokens.create({ name: 'brief', role: 'viewer' })
    const session = await login('root', secret)
    await callXenApi(url, 'host.get_all', session)
    await tokens.revoke(token.id)
    await expect(callXenApi(url, 'host.get_all', session)).rejects.toMatchObject(
      failure('SESSION_INVALID', session),
    )
  })

  it('may do what the role of their token may, call by call', async () => {
    const { url, tokens } = hosts.source
    const names: string[] = await callXenApi(url, 'system.listMethods')
    const { secret } = await tokens.create({ name: 'looker', role: 'viewer' })
    const session = await callXenApi(url, 'session.login_with_password', 'root', secret)
    const isLook = /\.get_|^(event|session|system)\.|^host\.get_/
    const refused = names.filter((name) => !isLook.test(name) || name === 'event.inject')
    expect(refused.length).toBeGreaterThan(40)
    for (const name of refused)
      await expect(callXenApi(url, name, session), name).rejects.toMatchObject({
        code: 'RBAC_PERMISSION_DENIED',
      })
    await tokens.revoke('looker')
  })

  it('of a made-up reference are worth nothing', async () => {
    for (const session of ['', 'OpaqueRef:NULL', 7, null])
      await expect(callXenApi(hosts.source.url, 'VM.get_all', session)).rejects.toMatchObject({
        code: 'SESSION_INVALID',
      })
  })
})

describe('calls', () => {
  it('that nobody knows, or with the wrong number of parameters, are refused as clients probe for', async () => {
    for (const method of ['VM.fly', 'constructor', 'Async.VM.get_all', 'VM.get_nothing'])
      await expect(source.call(method)).rejects.toMatchObject(
        failure('MESSAGE_METHOD_UNKNOWN', method),
      )
    await expect(source.call('VM.get_record')).rejects.toMatchObject(
      failure('MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_record', '1', '0'),
    )
    await expect(source.call('VM.get_record', 7)).rejects.toMatchObject(
      failure('FIELD_TYPE_ERROR', 'self'),
    )
    await expect(source.call('VM.get_record', 'OpaqueRef:1')).rejects.toMatchObject(
      failure('HANDLE_INVALID', 'VM', 'OpaqueRef:1'),
    )
    await expect(source.call('VM.get_by_uuid', 'x')).rejects.toMatchObject(
      failure('UUID_INVALID', 'VM', 'x'),
    )
  })

  it('answer every class in every way alike', async () => {
    for (const name of classNames) {
      const records: Record<string, Record<string, unknown>> = await source.call(
        `${name}.get_all_records`,
      )
      expect(await source.call(`${name}.get_all`)).toEqual(Object.keys(records))
      for (const [ref, record] of Object.entries(records)) {
        expect(await source.call(`${name}.get_record`, ref)).toEqual(record)
        expect(await source.call(`${name}.get_by_uuid`, record.uuid)).toBe(ref)
        for (const [field, value] of Object.entries(record).slice(0, 3))
          expect(await source.call(`${name}.get_${field}`, ref)).toEqual(value)
      }
    }
  })

  it('lead from each object to the others', async () => {
    const { VBDs, VIFs, resident_on } = await source.call('VM.get_record', vm)
    const { VDI, VM } = await source.call('VBD.get_record', VBDs[0])
    expect(VM).toBe(vm)
    const { SR, VBDs: users } = await source.call('VDI.get_record', VDI)
    expect(users).toEqual(VBDs)
    expect(await source.call('SR.get_name_label', SR)).toBe('local')
    const network = await source.call('VIF.get_network', VIFs[0])
    expect(await source.call('network.get_name_label', network)).toBe('alpha1-lan')
    const [pool] = await source.call('pool.get_all')
    expect(await source.call('pool.get_master', pool)).toBe(resident_on)
    const pif = await source.call('host.get_management_interface', resident_on)
    expect(await source.call('PIF.get_record', pif)).toMatchObject({ IP: '127.0.0.1', network })
    expect(await source.call('host.get_servertime', resident_on)).toMatch(/^\d{8}T\d\d:\d\d:\d\dZ$/)
  })

  it('list themselves, without what there is not', async () => {
    const names: string[] = await callXenApi(hosts.source.url, 'system.listMethods')
    expect(names).toEqual(expect.arrayContaining(['VM.migrate', 'Async.VM.migrate_send']))
    expect(names).not.toContain('VM.suspend')
    expect(new Set(names).size).toBe(names.length)
  })

  it('that the engine cannot do say so', async () => {
    await expect(source.call('VM.suspend', vm)).rejects.toMatchObject(
      failure('NOT_IMPLEMENTED', 'VM.suspend'),
    )
    await expect(source.call('VM.resume', vm, false, false)).rejects.toMatchObject(
      failure('VM_BAD_POWER_STATE', vm, 'suspended', 'running'),
    )
    const task = await source.call('Async.VM.suspend', vm)
    expect(await ended(source, task)).toMatchObject({
      ...{ status: 'failure', error_info: ['NOT_IMPLEMENTED', 'VM.suspend'] },
      name_label: 'Async.VM.suspend',
    })
  })

  it('may keep notes beside the pool', async () => {
    const [pool] = await source.call('pool.get_all')
    await source.call('pool.add_to_other_config', pool, 'xo:migrationNetwork', 'a')
    await expect(
      source.call('pool.add_to_other_config', pool, 'xo:migrationNetwork', 'b'),
    ).rejects.toMatchObject(
      failure(
        'MAP_DUPLICATE_KEY',
        ...['pool', 'other_config', pool, 'xo:migrationNetwork', 'a', 'b'],
      ),
    )
    expect(await source.call('pool.get_other_config', pool)).toEqual({ 'xo:migrationNetwork': 'a' })
    await source.call('pool.remove_from_other_config', pool, 'xo:migrationNetwork')
    expect(await source.call('pool.get_other_config', pool)).toEqual({})
  })
})

describe('whatever is asked', () => {
  const junk: unknown[] = [
    '',
    vmName,
    'OpaqueRef:NULL',
    -1,
    1e300,
    true,
    null,
    [],
    {},
    [[]],
    { __proto__: {} },
  ]

  it('the answer is one of the XenAPI, and never that something failed inside', async () => {
    const { url } = hosts.source
    const names: string[] = await callXenApi(url, 'system.listMethods')
    // It would wait for what nobody does.
    const calls = names.filter((name) => name !== 'event.next' && !name.includes('.get_'))
    expect(calls.length).toBeGreaterThan(40)
    for (const name of [...calls, 'VM.get_record', 'VM.get_by_name_label'])
      for (const value of junk) {
        const { session } = await openSession(hosts.source)
        for (const count of [1, 3, 6]) {
          const failure = await callXenApi(url, name, session, ...Array(count).fill(value)).then(
            () => null,
            (error: unknown) => error,
          )
          expect(failure, `${name} ${JSON.stringify(value)}`).not.toMatchObject({
            code: 'INTERNAL_ERROR',
          })
          expect(failure === null || failure instanceof WireFailure, `${name}: ${failure}`).toBe(
            true,
          )
        }
      }
    expect(hosts.vms.violations).toEqual([])
  }, 120_000)
})

describe('the wire', () => {
  const post = (path: string, type: string, body: string, headers: Record<string, string> = {}) =>
    fetch(hosts.source.url + path, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body,
    })
  const listMethods = '<methodCall><methodName>system.listMethods</methodName></methodCall>'

  it.each(['/', '/RPC2', '/xmlrpc'])('speaks XML-RPC at %s', async (path) => {
    const response = await post(path, 'text/xml', listMethods)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/xml')
    expect(await response.text()).toContain('<param><value><array><data><value>Async.')
  })

  it('says its types without a character set, and takes them with one', async () => {
    const call = '{"method":"system.listMethods","params":[],"id":1}'
    const response = await post('/jsonrpc', 'application/json; charset=utf-8', call)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({ error: null, id: 1 })
  })

  it('refuses what is no call, other types and foreign pages, and goes on', async () => {
    expect((await post('/', 'text/xml', '<!DOCTYPE x>')).status).toBe(400)
    expect((await post('/jsonrpc', 'application/json', '{')).status).toBe(400)
    expect((await post('/RPC2', 'text/plain', listMethods)).status).toBe(415)
    expect((await post('/jsonrpc', 'application/json', `"${'x'.repeat(2_000_000)}"`)).status).toBe(
      413,
    )
    const foreign = await post('/', 'text/xml', listMethods, { origin: 'http://elsewhere' })
    expect(foreign.status).toBe(400)
    expect((await fetch(`${hosts.source.url}/v1/health`)).status).toBe(200)
    expect((await post('/v1/hosts', 'text/xml', listMethods)).status).toBe(415)
  })
})
