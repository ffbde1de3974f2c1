import { z } from 'zod'
import { createLineSplitter, parseQmpMessage, type QmpMessage } from '../../lib/qmp/messages.ts'
import { CrosspoolError } from '../../model/errors.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import type { Accelerator } from './prove-kvm.ts'

/** What the QEMU of this host can do. Each answer is remembered: it changes only with a new QEMU. */
export interface QemuProbe {
  version(): Promise<string>
  /** The versioned name of the machine that this QEMU gives to new guests, e.g. pc-q35-7.2. */
  newestMachine(): Promise<string>
  knowsMachine(name: string): Promise<boolean>
  /** What a guest with this CPU sees; null when this QEMU does not know the model. */
  cpu(accelerator: Accelerator, cpu: string): Promise<CpuFacts | null>
}

export interface CpuFacts {
  readonly vendor: string
  readonly features: readonly string[]
}

const machinesSchema = z.array(z.object({ name: z.string(), alias: z.string().optional() }))
const expansionSchema = z.object({
  model: z.object({
    props: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
  }),
})

export function createQemuProbe(runner: CommandRunner, command: string): QemuProbe {
  const remembered = new Map<string, Promise<readonly QmpMessage[]>>()

  async function answers(accelerator: Accelerator, question: Question) {
    const key = JSON.stringify([accelerator, question])
    const asking = remembered.get(key) ?? askQemu(runner, command, accelerator, question)
    remembered.set(key, asking)
    asking.catch(() => remembered.delete(key))
    return await asking
  }

  async function machines() {
    const messages = await answers('tcg', { execute: 'query-machines', arguments: {} })
    return machinesSchema.parse(answerIn(messages))
  }

  return {
    async version() {
      const messages = await answers('tcg', { execute: 'query-machines', arguments: {} })
      const greeting = messages.find(({ kind }) => kind === 'greeting')
      return greeting?.kind === 'greeting' ? greeting.version : 'unknown'
    },
    async newestMachine() {
      const newest = (await machines()).find(({ alias }) => alias === 'q35')
      if (newest !== undefined) return newest.name
      const reason = `${command} does not have it`
      throw new CrosspoolError('NOT_SUPPORTED', { what: 'Machine q35', reason })
    },
    knowsMachine: async (name) => (await machines()).some((machine) => machine.name === name),
    async cpu(accelerator, cpu) {
      const model = modelOf(cpu)
      const messages = await answers(accelerator, {
        execute: 'query-cpu-model-expansion',
        arguments: { type: 'static', model },
      })
      if (messages.some(({ kind }) => kind === 'error')) return null
      const { props } = expansionSchema.parse(answerIn(messages)).model
      const features = Object.keys(props).filter((name) => props[name] === true)
      return { vendor: String(props.vendor ?? ''), features: features.sort() }
    },
  }
}

interface Question {
  readonly execute: string
  readonly arguments: Readonly<Record<string, unknown>>
}

const questionId = 2

/** A QEMU without a machine, that only answers. */
async function askQemu(
  runner: CommandRunner,
  command: string,
  accelerator: Accelerator,
  question: Question,
): Promise<readonly QmpMessage[]> {
  const args = ['-machine', 'none', '-accel', accelerator, '-nodefaults', '-display', 'none']
  const input = [
    { execute: 'qmp_capabilities', id: 1 },
    { ...question, id: questionId },
    { execute: 'quit', id: 3 },
  ]
  const { stdout } = await runner.run(command, [...args, '-qmp', 'stdio'], {
    input: input.map((line) => `${JSON.stringify(line)}\n`).join(''),
  })
  const messages: QmpMessage[] = []
  const split = createLineSplitter((line) => {
    const message = parseQmpMessage(line)
    const isOther = message === null || ('id' in message && message.id !== questionId)
    if (!isOther) messages.push(message)
  })
  split(`${stdout}\n`)
  return messages
}

function answerIn(messages: readonly QmpMessage[]): unknown {
  const answer = messages.find(({ kind }) => kind === 'return')
  return answer?.kind === 'return' ? answer.value : undefined
}

/** `name,feature=on,other=off` as QMP has it. */
function modelOf(cpu: string) {
  const [name, ...flags] = cpu.split(',')
  const props = flags.map((flag) => {
    const [feature = '', value] = flag.split('=')
    return [feature, value === 'on'] as const
  })
  return { name, props: Object.fromEntries(props) }
}
