import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { createDmBlockMapper } from '../../src/drivers/block-mapper-dm/index.ts'
import { deviceBytes } from '../../src/drivers/replication-drbd/device-bytes.ts'
import { metadataBytes } from '../../src/drivers/replication-drbd/metadata-bytes.ts'
import { systemCommandRunner } from '../../src/drivers/system/command-runner.ts'
import { CrosspoolError, type ErrorDocument } from '../../src/model/errors.ts'
import type { BlockMapper } from '../../src/ports/block-mapper.ts'
import type { BlockReplicator } from '../../src/ports/block-replicator.ts'
import type { Datapath, Disk, Relocation } from '../../src/ports/datapath.ts'
import type { SecureLinks } from '../../src/ports/secure-link.ts'
import type { TestDisks } from './datapath-agent-disks.ts'

/** The drivers of a lab host, for tests on this machine. */
export interface DatapathProxy {
  readonly mapper: BlockMapper
  readonly replicator: BlockReplicator
  readonly links: SecureLinks
  readonly datapath: Datapath
  readonly disks: TestDisks
  /** How long each call took inside the host, with the commands that it started; newest last. */
  readonly timings: readonly CallTiming[]
  forgetTimings(): void
  restart(): Promise<void>
  takeDownAll(): Promise<void>
  /** Ends the agent. */
  end(): Promise<void>
}

export interface CallTiming {
  readonly call: string
  readonly tookMs: number
  readonly commands: readonly { readonly command: string; readonly tookMs: number }[]
}

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly document: ErrorDocument | null; readonly message: string }
  readonly tookMs?: number
  readonly commands?: CallTiming['commands']
  readonly event?: 'ready' | 'watch'
  readonly value?: unknown
}

/** `command` starts the agent in the host, with its stdin and stdout joined to ours. */
export function startDatapathProxy(command: string, args: readonly string[]): DatapathProxy {
  const agent = execa(command, args, { reject: false, buffer: false, stderr: 'inherit' })
  const waiting = new Map<number, { call: string; settle: (answer: Answer) => void }>()
  const watching = new Map<number, (value: unknown) => void>()
  const timings: CallTiming[] = []
  let ids = 0

  createInterface({ input: agent.stdout }).on('line', (line) => {
    const answer: Answer = JSON.parse(line)
    if (answer.event === 'watch') watching.get(answer.id ?? 0)?.(answer.value)
    const asked = waiting.get(answer.id ?? 0)
    if (asked === undefined || answer.event !== undefined) return
    waiting.delete(answer.id ?? 0)
    const { tookMs = 0, commands = [] } = answer
    timings.push({ call: asked.call, tookMs, commands })
    asked.settle(answer)
  })
  agent.then(() => {
    const error = { document: null, message: 'the agent has ended' }
    for (const { settle } of waiting.values()) settle({ error })
  })

  function ask(object: string, method: string, ...args: readonly unknown[]) {
    ids += 1
    const id = ids
    agent.stdin.write(`${JSON.stringify({ id, object, method, args })}\n`)
    const answered = new Promise<unknown>((resolve, reject) => {
      const settle = ({ result, error }: Answer) => {
        if (error === undefined) resolve(result)
        else if (error.document) reject(CrosspoolError.fromDocument(error.document))
        else reject(new Error(error.message))
      }
      waiting.set(id, { call: `${object}.${method}`, settle })
    })
    return { id, answered }
  }

  function watch(object: string, subject: unknown, listener: (value: never) => void): () => void {
    const { id, answered } = ask(object, 'watch', subject)
    answered.catch(() => {})
    watching.set(id, listener as (value: unknown) => void)
    return () => {
      watching.delete(id)
      ask('agent', 'unwatch', id).answered.catch(() => {})
    }
  }

  /** Every method asks the agent, except for those that answer at once. */
  function remote<Target extends object>(object: string, local: Partial<Target>): Target {
    const call =
      (method: string) =>
      (...args: unknown[]) =>
        ask(object, method, ...args).answered
    return new Proxy(local, {
      get: (own, method) => Reflect.get(own, method) ?? call(String(method)),
    }) as Target
  }

  /** Its callbacks are called here; the agent waits for the answer of `commit`. */
  async function relocate(disk: Disk, to: Disk, relocation: Relocation): Promise<void> {
    const { id, answered } = ask('datapath', 'relocate', disk, to)
    const tell = (method: string, reason: string | null) =>
      void ask('agent', method, id, reason).answered.catch(() => {})
    watching.set(id, (value) => {
      if (typeof value === 'number') relocation.onProgress(value)
      else
        relocation.commit().then(
          () => tell('committed', null),
          (error: unknown) => tell('committed', String(error)),
        )
    })
    relocation.signal.addEventListener('abort', () =>
      tell('abort', String(relocation.signal.reason)),
    )
    await answered.finally(() => watching.delete(id))
  }

  const { pathOf } = createDmBlockMapper(systemCommandRunner)
  return {
    mapper: remote<BlockMapper>('mapper', { pathOf }),
    replicator: remote<BlockReplicator>('replicator', {
      ...{ deviceBytes, metadataBytes },
      watch: (name, listener) => watch('replicator', name, listener),
    }),
    links: remote<SecureLinks>('links', {}),
    datapath: remote<Datapath>('datapath', {
      relocate,
      capabilities: {
        ...{ schemes: ['drbd+wireguard'], encryptionObstacle: null, description: 'in a lab host' },
        ...{ presentation: 'device', deviceKind: 'block' },
        ...{ keeps: ['every-write', 'difference'], verifies: true },
      },
      watch: (mirror, listener) => watch('datapath', mirror, listener),
    }),
    disks: remote<TestDisks>('disks', {}),
    timings,
    forgetTimings: () => void timings.splice(0),
    restart: async () => void (await ask('agent', 'restart').answered),
    takeDownAll: async () => void (await ask('agent', 'takeDownAll').answered),
    async end() {
      agent.stdin.end()
      await agent
    },
  }
}
