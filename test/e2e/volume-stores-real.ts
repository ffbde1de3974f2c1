/**
 * Runs the contract of the volume stores on a host with the real tools, as root: LVM (thick and
 * thin), files, files in a shared folder, shared devices. Everything that it makes is its own and
 * removed at the end. Bundle it for a lab host with
 * `esbuild --bundle --platform=node --format=esm --outfile=OUT.mjs` and start it with
 * `node OUT.mjs VOLUME-GROUP FOLDER [SHARED-DEVICE]`.
 */
import { existsSync } from 'node:fs'
import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCommandRunner as runner } from '../../src/drivers/system/command-runner.ts'
import { systemRandom } from '../../src/drivers/system/random.ts'
import { createFileVolumeStores } from '../../src/drivers/volume-store-file/index.ts'
import { createLvmVolumeStores } from '../../src/drivers/volume-store-lvm/index.ts'
import { createSharedVolumeStores } from '../../src/drivers/volume-store-shared/index.ts'
import type { VolumeFormat } from '../../src/model/vdi.ts'
import type { VolumeStoreFactory } from '../../src/ports/volume-store.ts'
import { type VolumeStoreFixture, volumeStoreCases } from '../contracts/volume-store.cases.ts'

interface Subject {
  readonly name: string
  readonly factory: VolumeStoreFactory
  readonly configuration: Readonly<Record<string, unknown>>
  readonly administratorsVolume: string
  /** Makes the surroundings, and takes them away. */
  readonly setUp: () => Promise<void>
  readonly tearDown: () => Promise<void>
  readonly boot?: () => Promise<boolean>
}

const prefix = `smtest-${systemRandom.hex(3)}`
const nothing = async () => {}

function lvm(volumeGroup: string, thinPool?: string): Subject {
  const foreign = `${prefix}-foreign`
  return {
    name: thinPool ? 'lvm, thin' : 'lvm, thick',
    factory: createLvmVolumeStores(runner),
    configuration: thinPool ? { volumeGroup, thinPool } : { volumeGroup },
    administratorsVolume: `/dev/${volumeGroup}/${foreign}`,
    async setUp() {
      await runner.run('lvcreate', ['-y', '-L', '8m', '-n', foreign, volumeGroup])
      if (thinPool)
        await runner.run('lvcreate', [
          '-y',
          '--type',
          'thin-pool',
          '-L',
          '96m',
          '-n',
          thinPool,
          volumeGroup,
        ])
    },
    /** As udev does it at boot. */
    async boot() {
      await runner.run('lvchange', ['--activate', 'n', `${volumeGroup}/${foreign}`])
      await runner.run('vgchange', ['--activate', 'ay', volumeGroup])
      return existsSync(`/dev/${volumeGroup}/${foreign}`)
    },
    async tearDown() {
      await runner.run('lvremove', ['-y', '-f', `${volumeGroup}/${foreign}`])
      if (thinPool) await runner.run('lvremove', ['-y', '-f', `${volumeGroup}/${thinPool}`])
    },
  }
}

function file(folder: string, shared: boolean, format: VolumeFormat = 'raw'): Subject {
  const directory = join(folder, prefix)
  const foreign = join(directory, 'foreign.img')
  return {
    name: `${format} files${shared ? ' in a shared folder' : ''}`,
    factory: createFileVolumeStores(runner, { shared }),
    configuration: { directory, format },
    administratorsVolume: foreign,
    async setUp() {
      await mkdir(directory)
      await writeFile(foreign, '')
      await truncate(foreign, 8 * 1024 * 1024)
    },
    tearDown: () => rm(directory, { recursive: true }),
  }
}

function sharedDevice(device: string): Subject {
  const factory = createSharedVolumeStores(runner)
  const configuration = { devices: [device] }
  const names = { name: 'shared devices', administratorsVolume: device }
  return { ...names, factory, configuration, setUp: nothing, tearDown: nothing }
}

async function makeFixture(subject: Subject): Promise<VolumeStoreFixture> {
  const ids: string[] = []
  const openStore = async () => {
    const store = subject.factory({ id: 'sr-of-the-test', configuration: subject.configuration })
    await store.open()
    return store
  }
  const store = await openStore()
  return {
    store,
    reopen: openStore,
    administratorsVolume: subject.administratorsVolume,
    ...(subject.boot ? { boot: subject.boot } : {}),
    newId() {
      const id = systemRandom.uuid()
      ids.push(id)
      return id
    },
    async read(device, offset, length) {
      const handle = await open(device, 'r')
      try {
        const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset)
        return buffer.toString('latin1')
      } finally {
        await handle.close()
      }
    },
    async write(device, offset, text) {
      const handle = await open(device, 'r+')
      try {
        await handle.write(Buffer.from(text), 0, text.length, offset)
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
    async dispose() {
      for (const id of ids) {
        await store.detach(id)
        await store.destroy(id)
      }
    },
  }
}

async function runSubject(subject: Subject): Promise<number> {
  let failures = 0
  await subject.setUp()
  try {
    for (const one of volumeStoreCases) {
      const fixture = await makeFixture(subject)
      const startedMs = performance.now()
      let result = 'ok'
      try {
        if (one.isFor && !one.isFor(fixture)) result = 'not for this one'
        else await one.run(fixture)
      } catch (error) {
        result = `FAILED ${error instanceof Error ? error.stack : error}`
        failures += 1
      }
      await fixture.dispose()
      const ms = Math.round(performance.now() - startedMs)
      console.log(`${subject.name}: ${one.name}: ${result} (${ms} ms)`)
    }
  } finally {
    await subject.tearDown()
  }
  return failures
}

const [volumeGroup, folder, device] = process.argv.slice(2)
const subjects = [
  ...(volumeGroup ? [lvm(volumeGroup), lvm(volumeGroup, `${prefix}-pool`)] : []),
  ...(folder
    ? [
        file(folder, false),
        file(folder, true),
        file(folder, false, 'qcow2'),
        file(folder, false, 'vhd'),
      ]
    : []),
  ...(device ? [sharedDevice(device)] : []),
]
let failures = 0
for (const subject of subjects) failures += await runSubject(subject)
console.log(failures === 0 ? 'all held' : `${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1
