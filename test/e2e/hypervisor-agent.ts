/**
 * A hypervisor driver of a lab host, driven from elsewhere: one JSON object per line on stdin and
 * stdout. Streams between two agents are plain TCP on the data network. Only for tests.
 */
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { createXenHypervisor } from '../../src/drivers/hypervisor-xen/xen-hypervisor.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import type { VmConfiguration, VmReboot, VmStart } from '../../src/model/vm.ts'
import type { IncomingVm, OutgoingVm } from '../../src/ports/hypervisor.ts'

const hypervisor = createXenHypervisor({
  commandRunner: systemCommandRunner,
  clock: systemClock,
  random: systemRandom,
  runtimeDirectory: '/run/crosspool-hypervisor-test',
  kernelDirectories: ['/var/lib/crosspool-lab/guest'],
  ...(process.argv[2] === undefined ? {} : { hotplugDirectory: process.argv[2] }),
})

const progressIntervalMs = 1_000

const streams = new Map<number, Promise<Socket>>()
const outgoing = new Map<number, { readonly vm: OutgoingVm; readonly abort: AbortController }>()
const incoming = new Map<number, IncomingVm>()
let handles = 0

/** Every call that the agent understands. Its arguments come from the test's own proxy, unchecked. */
const calls = {
  host: () => hypervisor.host(),
  networks: () => hypervisor.networks(),
  list: () => hypervisor.list(),
  find: (idOrName: string) => hypervisor.find(idOrName),
  configuration: (vm: string) => hypervisor.configuration(vm),
  missingCpuFeatures: (vm: VmConfiguration) => hypervisor.missingCpuFeatures(vm),
  unusableBootFiles: (vm: VmConfiguration) => hypervisor.unusableBootFiles(vm),
  startNew: (vm: VmStart) => hypervisor.start(vm),
  shutdown: (vm: string) => hypervisor.shutdown(vm),
  reboot: (vm: string, how: VmReboot) => hypervisor.reboot(vm, how),
  pause: (vm: string) => hypervisor.pause(vm),
  unpause: (vm: string) => hypervisor.unpause(vm),
  diskWrites: (vm: string, disks: Parameters<typeof hypervisor.diskWrites>[1]) =>
    hypervisor.diskWrites(vm, disks),
  untilConnected: (vm: string, disks: Parameters<typeof hypervisor.untilConnected>[1]) =>
    hypervisor.untilConnected(vm, disks),
  destroy: (vm: string) => hypervisor.destroy(vm),
  resume: (vm: string) => hypervisor.resume(vm),
  watch() {
    hypervisor.watch(() => say({ event: 'changed' }))
  },
  async listen() {
    const server = createServer()
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    await new Promise<void>((resolve) => server.listen(0, resolve))
    accepted.then(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    return { stream: keep(accepted), port }
  },
  async connect(host: string, port: number) {
    const socket = connect({ host, port })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return { stream: keep(Promise.resolve(socket)) }
  },
  async closeStream(stream: number) {
    ;(await streams.get(stream))?.destroy()
  },
  async send(vm: string, stream: number) {
    handles += 1
    const handle = handles
    const abort = new AbortController()
    let saidAtMs = 0
    // Saying each step would cost an emulated host more than the step itself.
    const onProgress = (progress: object) => {
      if (performance.now() - saidAtMs < progressIntervalMs) return
      saidAtMs = performance.now()
      say({ event: 'progress', handle, ...progress })
    }
    const options = { signal: abort.signal, onProgress }
    outgoing.set(handle, { vm: await hypervisor.send(vm, await open(stream), options), abort })
    return handle
  },
  async receive(vm: VmConfiguration, stream: number) {
    handles += 1
    incoming.set(handles, await hypervisor.receive(vm, await open(stream)))
    return handles
  },
  stopped: (handle: number) => outgoing.get(handle)?.vm.stopped,
  paused: (handle: number) => outgoing.get(handle)?.vm.paused,
  abort: (handle: number) => outgoing.get(handle)?.abort.abort(new Error('cancelled')),
  finish: (handle: number) => outgoing.get(handle)?.vm.finish(),
  resumeOutgoing: (handle: number) => outgoing.get(handle)?.vm.resume(),
  forget: (handle: number) => outgoing.get(handle)?.vm.forget(),
  ready: (handle: number) => incoming.get(handle)?.ready,
  start: (handle: number) => incoming.get(handle)?.start(),
  discard: (handle: number) => incoming.get(handle)?.discard(),
}
export type AgentCalls = typeof calls

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line)))
  .on('close', () => process.exit(0))

interface Request {
  readonly id: number
  readonly call: keyof AgentCalls
  readonly args: readonly unknown[]
}

async function answer({ id, call, args }: Request): Promise<void> {
  const startedMs = performance.now()
  const tookMs = () => Math.round(performance.now() - startedMs)
  try {
    const perform = calls[call] as (...args: readonly unknown[]) => unknown
    say({ id, result: (await perform(...args)) ?? null, tookMs: tookMs() })
  } catch (error) {
    const document = error instanceof CrosspoolError ? error.toDocument() : null
    const message = error instanceof Error ? error.message : String(error)
    say({ id, error: { document, message }, tookMs: tookMs() })
  }
}

function keep(stream: Promise<Socket>): number {
  handles += 1
  streams.set(handles, stream)
  stream.then((socket) => socket.on('error', () => {}))
  return handles
}

function open(stream: number): Promise<Socket> {
  return streams.get(stream) ?? Promise.reject(new Error(`no stream ${stream}`))
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
