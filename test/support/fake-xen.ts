import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import {
  bannerText,
  goText,
  readyText,
  reportText,
} from '../../src/drivers/hypervisor-xen/migration-texts.ts'
import {
  fixedHeaderBytes,
  optionalBytesOf,
  writeSaveHeader,
} from '../../src/drivers/hypervisor-xen/save-header.ts'
import { CrosspoolError } from '../../src/model/errors.ts'
import type {
  CommandResult,
  CommandRunner,
  RunningCommand,
} from '../../src/ports/command-runner.ts'

const captured = join(import.meta.dirname, '../captured/xen-4.17.7')
const read = (file: string) => readFileSync(join(captured, file), 'utf8')

export interface FakeDomain {
  readonly domid: number
  name: string
  readonly uuid: string
  /** As in `xl list`. */
  flags: '-b----' | '--p---' | '---ss-' | '---s--'
  readonly configuration: Record<string, unknown>
}

/**
 * A host with Xen, as far as the driver looks at it: what `xl`, `xen-cpuid` and `ip` print (by the
 * captured output of real ones) and how `xl migrate` and `xl migrate-receive` behave on their pipes.
 */
export class FakeXen implements CommandRunner {
  readonly domains = new Map<number, FakeDomain>()
  /** Every command line so far. */
  readonly commands: string[] = []
  /** Status that `xl migrate-receive` reports after it was told to go. */
  startStatus = 0
  /** What `xl create` complains of; it then fails. */
  createComplaint = ''
  readonly receivers: FakeChild[] = []
  readonly senders: FakeChild[] = []
  readonly watchers: FakeChild[] = []
  /** Bytes that a guest's memory takes in the stream. */
  memoryBytes = 300_000
  freeMemoryMib = 902
  #domids = 0

  add(uuid: string, name: string, configuration?: Record<string, unknown>): FakeDomain {
    this.#domids += 1
    const domid = this.#domids
    const domain = {
      domid,
      name,
      uuid,
      flags: '-b----' as const,
      configuration: configuration ?? configurationOf(uuid, name),
    }
    this.domains.set(domid, domain)
    this.#changed()
    return domain
  }

  async run(command: string, args: readonly string[]): Promise<CommandResult> {
    const result = await this.probe(command, args)
    if (result.exitCode === 0) return result
    const how = `exit code ${result.exitCode}`
    throw new CrosspoolError('COMMAND_FAILED', { command, how, output: result.stderr })
  }

  async probe(command: string, args: readonly string[]): Promise<CommandResult> {
    const line = [command, ...args].join(' ')
    this.commands.push(line)
    if (line.startsWith('xl create') && this.createComplaint !== '')
      return { exitCode: 3, stdout: '', stderr: this.createComplaint }
    const stdout = this.#answer(line)
    return { exitCode: stdout === null ? 1 : 0, stdout: stdout ?? '', stderr: '' }
  }

  start(command: string, args: readonly string[]): RunningCommand {
    this.commands.push([command, ...args].join(' '))
    const child = new FakeChild()
    if (command === 'xenstore-watch') {
      this.watchers.push(child)
      child.stdout.write('@introduceDomain\n@releaseDomain\n')
    } else if (args[0] === 'migrate') {
      this.senders.push(child)
      this.#migrate(child, Number(args[3]), args[4] ?? '').catch(() => child.end(1))
    } else {
      this.receivers.push(child)
      this.#receive(child).catch(() => child.end(1))
    }
    return child
  }

  #answer(line: string): string | null {
    const domid = Number(line.split(' ').at(-1))
    const domain = this.domains.get(domid)
    if (line === 'xl info')
      return read('xl-info.txt').replace(/(free_memory +: )\d+/, `$1${this.freeMemoryMib}`)
    if (line === 'xl list -v') return this.#list()
    if (line === 'xl list -l') return JSON.stringify(this.#configurations())
    if (line === 'xen-cpuid -p') return read('xen-cpuid-p.txt')
    if (line.startsWith('xen-cpuid -p '))
      return read('xen-cpuid-p-domain.txt').replace(/Domain \d+/, `Domain ${domid}`)
    if (line.startsWith('ip -j link')) return read('ip-link-bridge.json')
    if (line.startsWith('grep')) return 'model name\t: QEMU Virtual CPU version 2.5+\n'
    if (line.startsWith('pkill')) return ''
    if (line.startsWith('xl create')) return this.#create(line.split(' ').at(-1) ?? '')
    if (line.startsWith('xl destroy')) return this.#destroy(domid)
    if (line.startsWith('xl unpause') && domain) domain.flags = '-b----'
    if (line.startsWith('xl pause') && domain) domain.flags = '--p---'
    // Its guests follow at once.
    if (line.startsWith('xl shutdown -F')) return this.#destroy(domid)
    // What the real one does with a transport that fails: it resumes the domain.
    const revived = /^xl migrate -s {2}(\d+) printf/.exec(line)
    const failing = this.domains.get(Number(revived?.[1]))
    if (failing?.flags === '---ss-') failing.flags = '-b----'
    return ''
  }

  #list(): string {
    const [heading, controlDomain] = read('xl-list-v.txt').split('\n')
    const lines = [...this.domains.values()].map(({ domid, name, uuid, flags }) => {
      const reason = flags === '---ss-' ? '2' : flags === '---s--' ? '0' : '-'
      return `${name.padEnd(40)} ${domid}    96     1     ${flags}       1.0 ${uuid}        ${reason}                -`
    })
    return [heading, controlDomain, ...lines, ''].join('\n')
  }

  #configurations(): unknown {
    return [...this.domains.values()].map(({ domid, configuration }) => ({
      domid,
      config: configuration,
    }))
  }

  /** Reads as much of xl.cfg as the driver writes. */
  #create(path: string): string {
    const lines = readFileSync(path, 'utf8').matchAll(/^(\w+) = (.*)$/gm)
    const values = Object.fromEntries([...lines].map(([, key, value]) => [key, value]))
    const fields = (list = '') =>
      [...list.matchAll(/"([^"]*)"/g)].map(([, text = '']) =>
        Object.fromEntries(text.split(',').map((field) => field.split('='))),
      )
    const name = String(JSON.parse(values.name ?? ''))
    const uuid = String(JSON.parse(values.uuid ?? ''))
    this.add(uuid, name, {
      c_info: { type: JSON.parse(values.type ?? ''), name, uuid },
      b_info: { max_vcpus: Number(values.vcpus), max_memkb: Number(values.memory) * 1024 },
      disks: fields(values.disk).map(({ target, vdev, access, format }) => ({
        ...{ pdev_path: target, vdev, format },
        readwrite: access === 'rw' ? 1 : 0,
      })),
      nics: fields(values.vif).map(({ mac, bridge }, devid) => ({ devid, mac, bridge })),
    })
    return ''
  }

  #destroy(domid: number): string | null {
    const isThere = this.domains.delete(domid)
    if (isThere) this.#changed()
    return isThere ? '' : null
  }

  #changed(): void {
    for (const watcher of this.watchers) watcher.stdout.write('@releaseDomain\n')
  }

  async #migrate(child: FakeChild, domid: number, rune: string): Promise<void> {
    const domain = this.domains.get(domid)
    const path = /UNIX-CONNECT:(.*)'/.exec(rune)?.[1]
    if (domain === undefined || path === undefined) return child.end(1)
    const socket = connect(path)
    socket.on('error', () => {})
    const failed = () => {
      child.stderr.write('Migration failed, resuming at sender.\n')
      if (domain.flags === '---ss-') domain.flags = '-b----'
      child.end(1)
    }
    socket.on('close', () => child.whenGoing(failed))
    const chunks: AsyncIterator<Buffer> = socket[Symbol.asyncIterator]()
    await exactly(chunks, bannerText)
    socket.write(writeSaveHeader(JSON.stringify(domain.configuration)))
    for (let sent = 0; sent < this.memoryBytes; sent += 10_000) {
      socket.write(Buffer.alloc(10_000))
      await new Promise((resolve) => setImmediate(resolve))
      if (child.hasEnded || !this.domains.has(domid)) return child.end(1)
    }
    domain.flags = '---ss-'
    socket.write('END')
    await exactly(chunks, readyText)
  }

  async #receive(child: FakeChild): Promise<void> {
    child.stdout.write(bannerText)
    let received = Buffer.alloc(0)
    let domain: FakeDomain | null = null
    let headBytes = 0
    for await (const chunk of child.stdin) {
      if (child.hasEnded) return
      received = Buffer.concat([received, chunk])
      if (domain === null) {
        if (received.length < fixedHeaderBytes) continue
        headBytes = fixedHeaderBytes + optionalBytesOf(received)
        if (received.length < headBytes) continue
        const text = received.toString('utf8', fixedHeaderBytes + 4, headBytes - 1)
        domain = this.#build(JSON.parse(text))
      }
      if (received.length === headBytes + this.memoryBytes + 3) child.stdout.write(readyText)
      if (!received.subarray(-goText.length).equals(goText)) continue
      await new Promise<void>((resolve) => child.whenGoing(resolve))
      child.stdout.write(Buffer.concat([reportText, Buffer.from([this.startStatus])]))
      if (this.startStatus !== 0) break
      domain.name = domain.name.replace('--incoming', '')
      domain.flags = '-b----'
      return child.end(0)
    }
    if (child.hasEnded) return
    if (domain !== null) this.#destroy(domain.domid)
    child.stderr.write('migration target: Failure, destroying our copy.\n')
    child.end(1)
  }

  #build(configuration: Record<string, unknown>): FakeDomain {
    const { uuid, name } = configuration.c_info as { uuid: string; name: string }
    const domain = this.add(uuid, `${name}--incoming`, configuration)
    domain.flags = '--p---'
    return domain
  }
}

export class FakeChild implements RunningCommand {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly ended: Promise<number | null>
  readonly signals: string[] = []
  hasEnded = false
  #isStopped = false
  #waiting: (() => void)[] = []
  #resolve: (code: number | null) => void = () => {}

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Acts now, or once it is no longer stopped. */
  whenGoing(act: () => void): void {
    if (this.hasEnded) return
    if (this.#isStopped) this.#waiting.push(act)
    else act()
  }

  end(code: number | null): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.stdin.destroy()
    for (const stream of [this.stdout, this.stderr]) stream.end()
    this.#resolve(code)
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.signals.push(signal)
    if (signal === 'SIGSTOP') this.#isStopped = true
    else if (signal !== 'SIGCONT') this.end(null)
    else {
      this.#isStopped = false
      for (const act of this.#waiting.splice(0)) act()
    }
  }
}

async function exactly(chunks: AsyncIterator<Buffer>, expected: Buffer): Promise<void> {
  let received = Buffer.alloc(0)
  while (received.length < expected.length) {
    const { value, done } = await chunks.next()
    if (done) throw new Error('closed')
    received = Buffer.concat([received, value])
  }
  if (!received.equals(expected)) throw new Error('another text was expected')
}

function configurationOf(uuid: string, name: string): Record<string, unknown> {
  const [, real] = JSON.parse(read('xl-list-l.json'))
  return { ...real.config, c_info: { ...real.config.c_info, uuid, name } }
}
