/**
 * The kernel's datapath of a lab host with the real dmsetup and DRBD, driven from elsewhere: one
 * JSON object per line on stdin and stdout. Only for tests.
 * Start it with `node AGENT.mjs '{"address":...,"stateDirectory":...,"ports":...,"minors":...}'`.
 */
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { createDmBlockMapper } from '../../src/drivers/block-mapper-dm/index.ts'
import { createDrbdReplicator } from '../../src/drivers/replication-drbd/index.ts'
import { createLoopMetadataVolumes } from '../../src/drivers/replication-drbd/loop-metadata-volumes.ts'
import { createWireguardLinks } from '../../src/drivers/secure-link-wireguard/index.ts'
import { createMemoryRecordStore } from '../../src/drivers/simulated/record-store.ts'
import { systemClock } from '../../src/drivers/system/clock.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { createKernelDatapath } from '../../src/engine/datapath/kernel-datapath.ts'
import { isCrosspoolError } from '../../src/model/errors.ts'
import type { Relocation } from '../../src/ports/datapath.ts'
import { createTestDisks } from './datapath-agent-disks.ts'

const rangeSchema = z.object({ from: z.int(), to: z.int() })
export const agentOptionsSchema = z.object({
  /** Names of everything that the test makes beside the datapath. */
  prefix: z.string(),
  volumeGroup: z.string(),
  address: z.string(),
  stateDirectory: z.string(),
  minors: rangeSchema,
  ports: rangeSchema,
})
export type AgentOptions = z.infer<typeof agentOptionsSchema>

const options = agentOptionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'))
let records = createMemoryRecordStore()
const disks = createTestDisks(options)
const commandLog: { readonly command: string; readonly tookMs: number }[] = []

const commandRunner: typeof systemCommandRunner = {
  ...systemCommandRunner,
  async run(command, args, runOptions) {
    const startedMs = performance.now()
    try {
      return await systemCommandRunner.run(command, args, runOptions)
    } finally {
      const tookMs = Math.round(performance.now() - startedMs)
      commandLog.push({ command: [command, ...args].join(' '), tookMs })
    }
  },
}

async function makeDrivers() {
  const { address, stateDirectory, minors, ports } = options
  const mapper = createDmBlockMapper(commandRunner)
  const replicator = await createDrbdReplicator({
    ...{ commandRunner, clock: systemClock, stateDirectory, address, minors, ports },
  })
  const metadataVolumes = createLoopMetadataVolumes(commandRunner, `${stateDirectory}/metadata`)
  const links = await createWireguardLinks({
    ...{ commandRunner, random: systemRandom, stateDirectory, ports },
  })
  const datapath = createKernelDatapath({
    ...{ links, encryption: 'required', encryptionObstacle: null },
    ...{ blockMapper: mapper, replicator, metadataVolumes, records },
    ...{ clock: systemClock, random: systemRandom },
  })
  return { mapper, replicator, links, metadataVolumes, datapath, disks }
}

let drivers = await makeDrivers()
const subscriptions = new Map<number, () => void>()

/** Its callbacks are the test's own, elsewhere. */
class RemoteRelocation implements Relocation {
  readonly #stop = new AbortController()
  readonly #say: (value: number | 'commit') => void
  committed: (error: unknown) => void = () => {}

  constructor(tell: (value: number | 'commit') => void) {
    this.#say = tell
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  readonly onProgress = (leftBytes: number): void => this.#say(leftBytes)

  readonly commit = (): Promise<void> =>
    new Promise((resolve, reject) => {
      this.committed = (error) => (error === null ? resolve() : reject(new Error(String(error))))
      this.#say('commit')
    })

  abort(reason: unknown): void {
    this.#stop.abort(new Error(String(reason)))
  }
}

const relocations = new Map<number, RemoteRelocation>()

interface Request {
  readonly id: number
  readonly object: string
  readonly method: string
  readonly args: readonly unknown[]
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line)))
  .on('close', () => process.exit(0))
say({ event: 'ready' })

async function answer({ id, object, method, args }: Request): Promise<void> {
  const startedMs = performance.now()
  commandLog.length = 0
  const report = () => ({
    tookMs: Math.round(performance.now() - startedMs),
    commands: [...commandLog],
  })
  try {
    say({ id, result: (await perform(id, object, method, args)) ?? null, ...report() })
  } catch (error) {
    const document = isCrosspoolError(error) ? error.toDocument() : null
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say({ id, error: { document, message }, ...report() })
  }
}

async function perform(
  id: number,
  object: string,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  if (object === 'agent') return control(method, args)
  const subject = Object.entries(drivers).find(([name]) => name === object)?.[1]
  // Names come from the test's own proxy, unchecked.
  const act = (subject as unknown as Record<string, (...args: unknown[]) => unknown>)[method]
  if (act === undefined) throw new Error(`${object} has no ${method}`)
  if (method === 'relocate') {
    const relocation = new RemoteRelocation((value) => say({ event: 'watch', id, value }))
    relocations.set(id, relocation)
    return act.apply(subject, [...args, relocation])
  }
  // A signal does not cross the wire; no test aborts it.
  if (method === 'verify') return act.call(subject, args[0], new AbortController().signal)
  if (method !== 'watch') return act.apply(subject, [...args])
  const stop = act.apply(subject, [...args, (value: unknown) => say({ event: 'watch', id, value })])
  subscriptions.set(id, stop as () => void)
}

async function control(method: string, args: readonly unknown[]): Promise<unknown> {
  switch (method) {
    case 'unwatch':
      subscriptions.get(Number(args[0]))?.()
      return null
    case 'committed':
      relocations.get(Number(args[0]))?.committed(args[1])
      return null
    case 'abort':
      relocations.get(Number(args[0]))?.abort(args[1])
      return null
    case 'restart':
      for (const stop of subscriptions.values()) stop()
      await drivers.replicator.close()
      drivers = await makeDrivers()
      return null
    case 'takeDownAll':
      await removeMapped()
      for (const name of await drivers.replicator.list()) await drivers.replicator.down(name)
      await removeMapped()
      for (const { name } of await drivers.metadataVolumes.list())
        await drivers.metadataVolumes.remove(name)
      for (const name of await drivers.links.list()) await drivers.links.close(name)
      await drivers.replicator.close()
      records = createMemoryRecordStore()
      drivers = await makeDrivers()
      return null
    default:
      throw new Error(`the agent has no ${method}`)
  }
}

/** What lies beneath another one is free when that has gone; what lies beneath DRBD stays. */
async function removeMapped(): Promise<void> {
  const { mapper } = drivers
  for (let before = -1; ; ) {
    const names = await mapper.list(`crosspool-${options.prefix}`)
    if (names.length === 0 || names.length === before) return
    before = names.length
    for (const name of names)
      await mapper.remove(name).catch((error: unknown) => {
        if (!isCrosspoolError(error, 'BUSY')) throw error
      })
  }
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
