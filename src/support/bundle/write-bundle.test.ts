import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { OpenServer } from '../../../test/support/open-door.ts'
import { sampleStorage, sampleToolstack } from '../../../test/support/sample-daemons.ts'
import { sample } from '../../../test/support/sample-documents.ts'
import { scriptedHost } from '../../../test/support/scripted-host.ts'
import { createApiClient } from '../../api/client/api-client.ts'
import { storageRoutes } from '../../api/contract/storage-routes.ts'
import { toolstackRoutes } from '../../api/contract/toolstack-routes.ts'
import { createLmdbRecordStore } from '../../drivers/record-store-lmdb/index.ts'
import { systemClock } from '../../drivers/system/clock.ts'
import { systemCommandRunner } from '../../drivers/system/command-runner.ts'
import { writeBundle } from './write-bundle.ts'

const servers: OpenServer[] = []
let folder = ''
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(folder, { recursive: true, force: true })
})

/** One for each place and shape in which a secret may stand. */
const canary = {
  mirror: 'cafe01cafe01cafe01cafe01cafe01cafe01cafe01cafe01',
  uriInRecord: 'cafe02cafe02cafe02cafe02cafe02cafe02cafe02cafe02',
  uriInAnswer: 'cafe03cafe03cafe03cafe03cafe03cafe03cafe03cafe03',
  tokenInRecord: 'cafe04-token-of-a-receiver',
  nested: 'cafe05-within-an-object',
  bearer: 'cafe06.of~a+header/x==',
  logField: 'cafe07"quoted\\in-a-log',
  drbd: 'cafe08-shared-with-drbd',
  vnc: 'cafe09vnc',
  qemu: 'cafe10qemu',
  url: 'cafe11url',
  configuration: 'cafe12-in-a-file-with-comments',
  settings: 'cafe13inside',
  key: 'cafe14KEYKEYKEYKEY',
  escaped: 'cafe16-in-json-within-json',
  detail: 'cafe15-in-the-details-of-an-operation',
} as const

const uri = (secret: string) => `drbd://10.0.0.2:7310/r-1?size=1024&secret=${secret}`

async function writeRecords(path: string, values: Readonly<Record<string, object>>) {
  const store = createLmdbRecordStore({ path, clock: systemClock })
  const puts = Object.entries(values).map(([key, value]) => ({ key, value: { ...value } }))
  await store.transact({ puts })
  return store
}

async function bundled(before?: string) {
  folder = mkdtempSync(join(tmpdir(), 'crosspool-bundle-test-'))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const operation = {
    ...sample.operation,
    details: {
      ...sample.operation.details,
      uri: uri(canary.uriInAnswer),
      authToken: canary.detail,
    },
  }
  servers.push(sampleToolstack({ listOperations: async () => [operation] }), sampleStorage())
  const [xapi = '', sm = ''] = await Promise.all(
    servers.map((server) => server.listen({ host: '127.0.0.1', port: 0 })),
  )
  if (before !== undefined) write('bundle.tar.gz', before)
  // The daemons go on using their records meanwhile.
  const stores = await Promise.all([
    writeRecords(join(folder, 'sm'), {
      'replications/r-1': { id: 'r-1', secret: canary.mirror, vdi: 'vdi-of-the-record' },
      'replications/r-2': { id: 'r-2', uri: uri(canary.uriInRecord) },
    }),
    writeRecords(join(folder, 'xapi'), {
      'receivers/rc-1': { tokenHash: canary.tokenInRecord, state: 'reserved' },
      'vms/v-1': { name: 'name-of-the-vm', credentials: { user: { pin: canary.nested } } },
    }),
  ])
  const log = [
    `{"msg":"asked with Bearer ${canary.bearer}","host":"alpha1"}`,
    JSON.stringify({ msg: `answered ${JSON.stringify({ apiToken: canary.escaped })}, line-two` }),
    JSON.stringify({ msg: 'refused', password: canary.logField }),
    `{"msg":"mirror ${canary.mirror} and ${canary.tokenInRecord} as they are"}`,
    `{"msg":"line-of-the-log for amqp://user:${canary.url}@10.0.0.1/"}`,
  ]
  const settings = { stateDirectory: folder, minors: { from: 1, to: 2 } }
  const comment = `// rootPassword: ${canary.settings}\n`
  const smText = `${comment}${JSON.stringify(settings)}`
  const xapiText = JSON.stringify({ stateDirectory: join(folder, 'xapi') })
  const key = `-----BEGIN PRIVATE KEY-----\n${canary.key}\n-----END PRIVATE KEY-----`
  const host = scriptedHost({
    commands: {
      'drbdsetup show all': `resource r { net { shared-secret "${canary.drbd}"; } }`,
      'drbdadm dump all': `net { shared-secret   "${canary.drbd}"; } # resource-of-drbd`,
      'xl list -l': `{"vfbs":[{"vnc":{"passwd": "${canary.vnc}"}}],"name":"domain-of-xl"}`,
      'xl list -v': `vncpasswd = '${canary.vnc}'`,
      'dmsetup table': `crosspool-1: 0 8 linear 253:0 0\n${key}\nrow-after-the-key`,
      'xenstore-ls -f /local/domain': `/vm/1/image = "-object secret,data=x,password=${canary.qemu}"`,
    },
    files: {
      [join(folder, 'sm.json')]: `${smText}\n{"apiToken": "${canary.configuration}",}`,
      [join(folder, 'xapi.json')]: xapiText,
      '/var/log/crosspool.log': log.join('\n'),
    },
  })
  const bundle = await writeBundle(
    {
      host: {
        ...host,
        probe: (...call) => (call[0] === 'tar' ? systemCommandRunner : host).probe(...call),
      },
      clock: { now: () => sample.host.clockMs },
      storage: async () => createApiClient(storageRoutes, sm),
      toolstack: async () => createApiClient(toolstackRoutes, xapi),
      files: { smConfig: write('sm.json', smText), xapiConfig: write('xapi.json', xapiText) },
    },
    { output: join(folder, 'bundle.tar.gz'), logFiles: ['/var/log/crosspool.log'] },
  )
  await Promise.all(stores.map((store) => store.close()))
  execFileSync('tar', ['--extract', '--gzip', '--file', bundle.file, '--directory', folder])
  const root = readdirSync(folder).find((name) => name.startsWith('crosspool-support-')) ?? ''
  const read = (path: string) => readFileSync(join(folder, root, path), 'utf8')
  return { bundle, root, texts: new Map(bundle.parts.map((path) => [path, read(path)])) }
}

test('no secret is in a support bundle, wherever it stood, and all the rest is', async () => {
  const { bundle, root, texts } = await bundled()
  expect(root).toBe('crosspool-support-alpha1-20231114T221320Z')
  const all = [...texts.values()].join('\n')
  for (const [place, secret] of Object.entries(canary)) {
    // In JSON a quote has a backslash before it.
    for (const written of [secret, JSON.stringify(secret).slice(1, -1)])
      expect(all.includes(written), place).toBe(false)
    expect(all.includes(secret.slice(0, 6)), `the beginning of ${place}`).toBe(false)
  }

  const expected: readonly (readonly [string, string])[] = [
    ['records/sm.json', 'vdi-of-the-record'],
    ['records/sm.json', 'secret=[redacted]'],
    ['records/xapi.json', 'name-of-the-vm'],
    ['api/operations.json', sample.operation.id],
    ['commands/drbdadm-dump-all.txt', 'resource-of-drbd'],
    ['commands/xl-list--l.txt', 'domain-of-xl'],
    ['commands/dmsetup-table.txt', 'row-after-the-key'],
    ['logs/var-log-crosspool.log', 'line-of-the-log'],
    ['doctor.json', '"area": "hypervisor"'],
    ['versions.txt', 'crosspool '],
  ]
  const configuration = [...texts].filter(([path]) => path.startsWith('configuration/'))
  expect(configuration.map(([, text]) => text.includes('"stateDirectory":'))).toEqual([true, true])
  for (const [path, text] of expected) expect(texts.get(path), path).toContain(text)
  expect(statSync(bundle.file).mode & 0o777).toBe(0o600)
})

test('it never writes over a file', async () => {
  await expect(bundled('of somebody else')).rejects.toThrow('EEXIST')
  expect(readFileSync(join(folder, 'bundle.tar.gz'), 'utf8')).toBe('of somebody else')
})
