import { createInterface } from 'node:readline'
import { type Duplex, PassThrough } from 'node:stream'
import { execa } from 'execa'
import { CrosspoolError, type ErrorDocument } from '../../src/model/errors.ts'
import type { Hypervisor } from '../../src/ports/hypervisor.ts'
import type { AgentCalls } from './hypervisor-agent.ts'

/** The hypervisor of a lab host, for tests on this machine. */
export interface HypervisorProxy extends Hypervisor {
  readonly resume: (vm: string) => Promise<void>
  /** A stand-in for the agent's end of a connection, to be passed to `send` and `receive`. */
  listen(): Promise<{ readonly stream: Duplex; readonly port: number }>
  connect(host: string, port: number): Promise<Duplex>
  /** How long each call took inside the host, newest last. */
  readonly timings: { readonly call: string; readonly tookMs: number }[]
  /** Ends the agent at once, as if the daemon had crashed. */
  crash(): Promise<void>
}

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly document: ErrorDocument | null; readonly message: string }
  readonly tookMs?: number
  readonly event?: 'changed' | 'progress'
  readonly handle?: number
  readonly sentBytes?: number
  readonly totalBytes?: number
}

type Result<Call extends keyof AgentCalls> = Awaited<ReturnType<AgentCalls[Call]>>

/** `command` starts the agent in the host, with its stdin and stdout joined to ours. */
export function startHypervisorProxy(
  command: string,
  args: readonly string[],
  type: string,
): HypervisorProxy {
  const agent = execa(command, args, { reject: false, buffer: false, stderr: 'inherit' })
  const waiting = new Map<number, { call: string; settle: (answer: Answer) => void }>()
  const progress = new Map<number, (answer: Answer) => void>()
  const listeners = new Set<() => void>()
  const streamIds = new WeakMap<Duplex, number>()
  const timings: { call: string; tookMs: number }[] = []
  let ids = 0

  createInterface({ input: agent.stdout }).on('line', (line) => {
    const answer: Answer = JSON.parse(line)
    if (answer.event === 'changed') for (const listener of listeners) listener()
    if (answer.event === 'progress') progress.get(answer.handle ?? 0)?.(answer)
    const asked = waiting.get(answer.id ?? 0)
    if (asked === undefined) return
    waiting.delete(answer.id ?? 0)
    timings.push({ call: asked.call, tookMs: answer.tookMs ?? 0 })
    asked.settle(answer)
  })
  agent.then(() => {
    const error = { document: null, message: 'the agent has ended' }
    for (const { settle } of waiting.values()) settle({ error })
  })

  function ask<Call extends keyof AgentCalls>(
    call: Call,
    ...args: Parameters<AgentCalls[Call]>
  ): Promise<Result<Call>> {
    ids += 1
    const id = ids
    agent.stdin.write(`${JSON.stringify({ id, call, args })}\n`)
    return new Promise((resolve, reject) => {
      const settle = ({ result, error }: Answer) => {
        if (error === undefined) resolve(result as Result<Call>)
        else if (error.document) reject(CrosspoolError.fromDocument(error.document))
        else reject(new Error(error.message))
      }
      waiting.set(id, { call, settle })
    })
  }

  function standIn(id: number): Duplex {
    const stream = new PassThrough()
    streamIds.set(stream, id)
    stream.on('close', () => void ask('closeStream', id).catch(() => {}))
    return stream
  }
  const idOf = (stream: Duplex) => streamIds.get(stream) ?? 0
  let isWatching = false

  return {
    capabilities: {
      type,
      sendsAfterHandover: false,
      deviceKinds: ['block'],
      diskSlotPrefix: 'xvd',
      tunesMemory: false,
      countsWrites: true,
      resets: false,
    },
    timings,
    host: () => ask('host'),
    start: async (vm) => void (await ask('startNew', vm)),
    networks: () => ask('networks'),
    list: () => ask('list'),
    find: (idOrName) => ask('find', idOrName),
    watch(listener) {
      if (!isWatching) ask('watch').catch(() => {})
      isWatching = true
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    configuration: (vm) => ask('configuration', vm),
    missingCpuFeatures: (vm) => ask('missingCpuFeatures', vm),
    unusableBootFiles: (vm) => ask('unusableBootFiles', vm),
    shutdown: async (vm) => void (await ask('shutdown', vm)),
    reboot: async (vm, how) => void (await ask('reboot', vm, how)),
    pause: async (vm) => void (await ask('pause', vm)),
    unpause: async (vm) => void (await ask('unpause', vm)),
    diskWrites: (vm, disks) => ask('diskWrites', vm, disks),
    untilConnected: async (vm, disks) => void (await ask('untilConnected', vm, disks)),
    destroy: async (vm) => void (await ask('destroy', vm)),
    resume: async (vm) => void (await ask('resume', vm)),
    async listen() {
      const { stream, port } = await ask('listen')
      return { stream: standIn(stream), port: port ?? 0 }
    },
    connect: async (host, port) => standIn((await ask('connect', host, port)).stream),
    async send(vm, stream, { signal, onProgress }) {
      const handle = await ask('send', vm, idOf(stream))
      progress.set(handle, ({ sentBytes = 0, totalBytes = 0 }) =>
        onProgress({ sentBytes, totalBytes }),
      )
      signal.addEventListener('abort', () => void ask('abort', handle))
      const paused = ask('paused', handle).then(() => {})
      const stopped = ask('stopped', handle).then(() => {})
      for (const promise of [paused, stopped]) promise.catch(() => {})
      return {
        ...{ stopped, paused },
        finish: async () => void (await ask('finish', handle)),
        resume: async () => void (await ask('resumeOutgoing', handle)),
        forget: async () => void (await ask('forget', handle)),
      }
    },
    async receive(vm, stream) {
      const handle = await ask('receive', vm, idOf(stream))
      const ready = ask('ready', handle).then(() => {})
      ready.catch(() => {})
      return {
        ready,
        start: async () => void (await ask('start', handle)),
        discard: async () => void (await ask('discard', handle)),
      }
    },
    async crash() {
      agent.stdin.end()
      await agent
    },
  }
}
