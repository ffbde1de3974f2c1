import { connect } from 'node:net'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { listenForProgram } from './listening-socket.ts'

const loopback = '127.0.0.1'

/** Accepts one connection, and tells what becomes of what is small. */
const acceptor = `
  accept(my $connection, $inherited) or die;
  print unpack("i", getsockopt($connection, IPPROTO_TCP, TCP_NODELAY)) ? "at once" : "later"`
const tellPort = 'print((unpack_sockaddr_in(getsockname($inherited)))[0])'

it('gives its connections to a program, and they send at once', async () => {
  const socket = await listenForProgram(loopback, 0)
  const port = await portOf(socket.descriptor)
  const program = perl(acceptor, socket.descriptor)
  await new Promise((resolve) => program.once('spawn', resolve))
  socket.close()
  const client = connect(port, loopback)
  expect((await program).stdout).toBe('at once')
  client.destroy()
})

it('says that a port is in use', async () => {
  const socket = await listenForProgram(loopback, 0)
  const port = await portOf(socket.descriptor)
  await expect(listenForProgram(loopback, port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  socket.close()
  const again = await listenForProgram(loopback, port)
  again.close()
})

async function portOf(descriptor: number): Promise<number> {
  return Number((await perl(tellPort, descriptor)).stdout)
}

/** Its socket is `$inherited`. */
function perl(script: string, descriptor: number) {
  const inherit = 'open(my $inherited, "+<&=", 3) or die;'
  return execa('perl', ['-MSocket=:all', '-e', `${inherit} ${script}`], {
    stdio: ['ignore', 'pipe', 'pipe', descriptor as 3],
  })
}
