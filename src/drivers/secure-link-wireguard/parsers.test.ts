import { expect, it } from 'vitest'
import { parseLocalPorts } from '../../lib/local-ports.ts'
import { parseListenPorts } from './used-ports.ts'
import { formatWgConfiguration } from './wg-configuration.ts'

it('finds the ports of WireGuard interfaces, also of those that are down', () => {
  expect(parseListenPorts('admins0\t51820\nadmins1\t7800\n')).toEqual([51820, 7800])
  expect(parseListenPorts('')).toEqual([])
})

it('finds the ports that programs have open', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
  401: 00000000:1E78 00000000:0000 07 00000000:00000000 00:00000000 00000000     0
 1033: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0
`
  expect([...parseLocalPorts(text)]).toEqual([7800, 53])
})

it.each([
  ['10.0.0.2', '10.0.0.2:7801'],
  ['2001:db8::2', '[2001:db8::2]:7801'],
])('names the peer at %s alone', (address, endpoint) => {
  const own = { name: 'link', port: 7800, privateKey: 'PRIVATE', publicKey: 'OWN' }
  const text = formatWgConfiguration(own, {
    ...{ name: 'link', localAddress: 'fd00::1', peerAddress: 'fd00::2', sharedKey: 'SHARED' },
    peer: { publicKey: 'THEIRS', port: 7801, address },
  })
  expect(text).toBe(`[Interface]
PrivateKey = PRIVATE
ListenPort = 7800
[Peer]
PublicKey = THEIRS
PresharedKey = SHARED
AllowedIPs = fd00::2/128
Endpoint = ${endpoint}
`)
})
