import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseBridges, parseDomainConfigurations, parseDomainList } from './parse-domain-list.ts'

const captured = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../../test/captured/xen-4.17.7', name), 'utf8')
const head = captured('xl-list-v.txt').split('\n').slice(0, 2)
const listOf = (...lines: readonly string[]) => parseDomainList([...head, ...lines, ''].join('\n'))
const uuid = '0f0e0d0c-aaaa-4bbb-8ccc-000000000001'
const line = (name: string, flags: string, reason = '-') =>
  `${name}    7    96     1     ${flags}     155.1 ${uuid}        ${reason}                -`

test('a running domain is listed, the control domain is not', () => {
  expect(parseDomainList(captured('xl-list-v.txt'))).toEqual([
    {
      domid: 3,
      name: 'hx-5b49',
      uuid: '89964b20-bf23-42a0-9a26-d8542802d292',
      memoryBytes: 100_663_296,
      state: 'running',
      isIncoming: false,
      isMigratedAway: false,
    },
  ])
})

test('a domain that is being received is known by its suffix', () => {
  const [domain] = parseDomainList(captured('xl-list-v-incoming.txt'))
  expect(domain).toMatchObject({ name: 'hx-5b49', state: 'paused', isIncoming: true })
})

test('a suspended domain', () => {
  const [domain] = parseDomainList(captured('xl-list-v-suspended.txt'))
  expect(domain).toMatchObject({ domid: 2, name: 'hx-one', state: 'suspended' })
})

test('a domain that was released, and a name with spaces', () => {
  expect(listOf(line('my web server--migratedaway', '---ss-', '2'))).toMatchObject([
    { name: 'my web server', state: 'suspended', isMigratedAway: true },
  ])
})

test('every way to have ended', () => {
  const states = listOf(
    line('off', '---s--', '0'),
    line('reboot', '---sr-', '1'),
    line('crash', '---sc-', '3'),
    line('watchdog', '---sw-', '4'),
    line('unscheduled', '------'),
  ).map(({ state }) => state)
  expect(states).toEqual(['shutdown', 'shutdown', 'crashed', 'shutdown', 'running'])
})

test('a domain that is being torn down is no longer there', () => {
  expect(listOf(line('dying', '---s-d', '0'))).toEqual([])
})

test('what is no list is refused', () => {
  expect(() => parseDomainList('Cannot open xl.conf')).toThrow('unexpected output')
  expect(() => listOf('half a line')).toThrow('half a line')
})

test('configurations by domain id', () => {
  const configurations = parseDomainConfigurations(captured('xl-list-l.json'))
  expect([...configurations.keys()]).toEqual([0, 3])
  expect(configurations.get(3)?.c_info).toMatchObject({ type: 'pvh', name: 'hx-5b49' })
  expect(() => parseDomainConfigurations('{}')).toThrow('unexpected output')
  expect(() => parseDomainConfigurations('xl: no')).toThrow('unexpected output')
})

test('bridges', () => {
  expect(parseBridges(captured('ip-link-bridge.json'))).toEqual(['xenbr0'])
  expect(parseBridges('[]')).toEqual([])
})
