import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readLmdbRecords } from '../../src/drivers/record-store-lmdb/read-records.ts'
import { diagnosisSchema } from '../../src/model/diagnosis.ts'
import { secretsIn } from '../../src/support/bundle/redaction.ts'
import { writeCommand } from './examples.ts'
import { Scene } from './scene.ts'

/** What an administrator and a helper see of real hosts by the command alone. */
let scene: Scene
let command: string
let files: readonly string[]

beforeAll(async () => {
  scene = await Scene.open()
  command = await writeCommand(scene.source)
  const { directory } = scene.source.plan
  files = ['sm', 'xapi'].map((name) => `--${name}-config=${join(directory, `${name}.json`)}`)
})

afterAll(() => scene?.close())

const crosspool = (...args: string[]) => execa(command, args, { reject: false, timeout: 80_000 })
const diagnosed = async () => {
  const { stdout, exitCode } = await crosspool('doctor', '--json', ...files)
  return { exitCode, ...diagnosisSchema.parse(JSON.parse(stdout)) }
}

it('a host is healthy, but for what a playground is not', async () => {
  const { exitCode, findings, healthy } = await diagnosed()
  expect(findings.filter(({ result }) => result === 'failed')).toEqual([])
  expect({ exitCode, healthy }).toEqual({ exitCode: 0, healthy: true })
  const of = (area: string) => findings.filter((each) => each.area === area)
  expect(of('hypervisor').map(({ name }) => name)).toContain('qemu-system-x86_64')
  expect(of('disks').map(({ name }) => name)).toEqual(['qemu-storage-daemon', 'qemu-img'])
  expect(of('hosts').find(({ name }) => name === 'beta/beta1')?.result).toBe('passed')
  expect(of('hosts').find(({ name }) => name === 'own address')?.result).toBe('warning')
})

it('a storage manager that is down is told, with what to do', async () => {
  await scene.source.sm.stop()
  const { exitCode, findings } = await diagnosed()
  scene.source.sm.start()
  await scene.source.waitUntilAnswering()
  expect(exitCode).toBe(1)
  expect(findings.find(({ name }) => name === 'sm')).toMatchObject({
    ...{ result: 'failed', advice: expect.stringContaining('systemctl start crosspool-sm') },
  })
})

it("bash completes the names of this host's VMs, disks, SRs and of known hosts", async () => {
  const offered = async (...words: string[]) => {
    const line = [
      `crosspool() { ${command} "$@"; }`,
      'source <(crosspool completion bash)',
      `COMP_WORDS=(crosspool ${words.join(' ')} '') COMP_CWORD=${words.length + 1}`,
      '_crosspool',
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]
    return (await execa('bash', ['-c', line.join('\n')])).stdout.split('\n')
  }
  expect(await offered('vms', 'show')).toContain('victim')
  expect(await offered('vdis', 'show')).toContain('victim-root')
  expect(await offered('vdis', 'move', 'x', '--to')).toEqual(expect.arrayContaining(['qcow2']))
  expect(await offered('migrate', 'victim', '--to')).toEqual(['alpha/alpha1', 'beta/beta1'])
})

it('a bundle of the midst of a migration has all but its secrets, and watch follows it to its end', async () => {
  const { directory } = scene.source.plan
  const output = join(directory, 'support.tar.gz')
  const logs = ['sm', 'xapi'].map((name) => join(directory, `${name}.log`))
  let secrets: readonly string[] = []
  let watched: ReturnType<typeof crosspool> | undefined
  const operation = await scene.disturb('synchronise', async () => {
    watched = crosspool('watch')
    secrets = secretsIn(await readLmdbRecords(join(directory, 'state/sm/sm')))
    const { exitCode, stderr } = await crosspool(
      ...['support-bundle', '--output', output, ...files, '--log', ...logs],
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })
  expect(operation.state).toBe('succeeded')
  expect(secrets.length).toBeGreaterThan(0)

  const place = join(directory, 'unpacked')
  await mkdir(place)
  await execa('tar', ['--extract', '--strip-components=1', '-C', place, '--file', output])
  const names = await readdir(place, { recursive: true, withFileTypes: true })
  const texts = new Map<string, string>()
  for (const entry of names.filter((each) => each.isFile()))
    texts.set(entry.name, await readFile(join(entry.parentPath, entry.name), 'utf8'))
  for (const [name, text] of texts)
    for (const secret of secrets) expect(text.includes(secret), `a secret in ${name}`).toBe(false)
  expect(texts.get('xapi.json')).toContain(operation.id)
  expect(texts.get('operations.json')).toContain(scene.guest.name)
  expect([...texts.values()].join()).toContain('[redacted]')

  const said = await watched
  expect(said?.exitCode).toBe(0)
  expect(said?.stdout).toMatch(/victim: disk vda: sync/)
  expect(said?.stdout).toContain('victim runs on beta/beta1.')
})
