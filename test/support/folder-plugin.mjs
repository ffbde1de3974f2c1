#!/usr/bin/env node
import { randomUUID } from 'node:crypto'
/**
 * A SMAPIv3 plug-in for tests: a folder with a sparse file for each volume. All its executables are
 * links to this file; the name says the method. A file stands for the block device, since making a
 * real one needs root. It keeps to the order that plug-ins may rely on, and fails when others do not.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const unitBytes = 4 * 1024 * 1024
const spaceBytes = 1024 * 1024 * 1024

class Failure extends Error {
  constructor(code, ...params) {
    super(code)
    this.code = code
    this.params = params
  }
}

const json = (file) => JSON.parse(readFileSync(file, 'utf8'))
const metadata = (sr, key) => join(sr, `${key}.json`)
const image = (sr, key) => join(sr, `${key}.img`)

function volume(sr, key) {
  if (!existsSync(metadata(sr, key))) throw new Failure('Volume_does_not_exist', key)
  return json(metadata(sr, key))
}

function volumes(sr) {
  return readdirSync(sr)
    .filter((name) => name.endsWith('.json') && name !== 'sr.json')
    .map((name) => json(join(sr, name)))
}

function checkSr(sr) {
  if (!existsSync(join(sr, 'sr.json'))) throw new Failure('SR_does_not_exist', sr)
}

/** Where a datapath notes in which state a volume is: a folder beside the images. */
function stateFile(uri) {
  const path = decodeURIComponent(new URL(uri).pathname)
  if (!existsSync(path)) throw new Failure('Volume_does_not_exist', uri)
  return { path, file: `${path}.state` }
}

function move(uri, domain, from, to) {
  const { path, file } = stateFile(uri)
  const state = existsSync(file) ? json(file) : { state: 'detached' }
  if (state.state !== to && !from.includes(state.state))
    throw new Failure('Bad_order', state.state, to)
  if (state.state !== 'detached' && state.domain !== domain)
    throw new Failure('Activated_on_another_host', state.domain)
  if (to === 'detached') rmSync(file, { force: true })
  else writeFileSync(file, JSON.stringify({ state: to, domain }))
  return path
}

const query = {
  plugin: 'folder',
  name: 'Folder',
  description: 'For tests',
  vendor: 'Crosspool',
  copyright: '',
  version: '1',
  required_api_version: '5.0',
  features: ['SR_ATTACH', 'VDI_CREATE'],
  configuration: {},
  required_cluster_stack: [],
}

const methods = {
  'Plugin.query': () => query,
  'SR.probe': ({ configuration }) =>
    existsSync(join(configuration.path, 'sr.json'))
      ? [{ configuration, complete: true, sr: { sr: configuration.path }, extra_info: {} }]
      : [],
  'SR.create': ({ uuid, configuration }) => {
    mkdirSync(configuration.path, { recursive: true })
    if (existsSync(join(configuration.path, 'sr.json'))) throw new Failure('SR_exists')
    writeFileSync(join(configuration.path, 'sr.json'), JSON.stringify({ uuid }))
    return { ...configuration, uuid }
  },
  'SR.attach': ({ configuration }) => {
    checkSr(configuration.path)
    return configuration.path
  },
  'SR.stat': ({ sr }) => {
    checkSr(sr)
    const taken = volumes(sr).reduce((sum, { virtual_size }) => sum + virtual_size, 0)
    const { bavail, bsize } = statfsSync(sr)
    const free = Math.min(spaceBytes - taken, bavail * bsize)
    return {
      ...{ sr, name: 'folder', description: '', free_space: free, total_space: spaceBytes },
      ...{ datasources: [], clustered: false, health: ['Healthy', ''] },
    }
  },
  'SR.ls': ({ sr }) => {
    checkSr(sr)
    return volumes(sr)
  },
  'Volume.create': ({ sr, name, description, size, sharable }) => {
    checkSr(sr)
    const key = randomUUID()
    const made = {
      ...{ key, name, description, sharable, read_write: true, keys: {} },
      virtual_size: Math.ceil(size / unitBytes) * unitBytes,
      ...{ physical_utilisation: 0, uri: ['nobody://here', `folder+file://${image(sr, key)}`] },
    }
    writeFileSync(image(sr, key), '')
    truncateSync(image(sr, key), made.virtual_size)
    writeFileSync(metadata(sr, key), JSON.stringify(made))
    return made
  },
  'Volume.destroy': ({ sr, key }) => {
    volume(sr, key)
    if (existsSync(`${image(sr, key)}.state`)) throw new Failure('Volume_in_use', key)
    rmSync(metadata(sr, key))
    rmSync(image(sr, key))
    return null
  },
  'Datapath.attach': ({ uri, domain }) => {
    const { path, file } = stateFile(uri)
    if (!existsSync(file)) move(uri, domain, ['detached'], 'attached')
    return { implementations: ['Nothing', ['BlockDevice', { path }]] }
  },
  'Datapath.activate': ({ uri, domain }) =>
    void move(uri, domain, ['attached'], 'activated') ?? null,
  'Datapath.deactivate': ({ uri, domain }) => {
    if (existsSync(stateFile(uri).file)) move(uri, domain, ['activated'], 'attached')
    return null
  },
  'Datapath.detach': ({ uri, domain }) => {
    if (existsSync(stateFile(uri).file)) move(uri, domain, ['attached'], 'detached')
    return null
  },
}

const wanted = basename(process.argv[1]).toLowerCase()
const method = Object.keys(methods).find((name) => name.toLowerCase() === wanted)
try {
  if (process.argv[2] !== '--json') throw new Failure('Bad_arguments', ...process.argv.slice(2))
  const [line] = readFileSync(0, 'utf8').split('\n')
  const parameters = JSON.parse(line)
  if (parameters.dbg === undefined) throw new Failure('Bad_parameters', dirname(process.argv[1]))
  process.stdout.write(JSON.stringify(methods[method](parameters)))
} catch (error) {
  const { code = 'Internal_error', params = [String(error)] } = error
  const backtrace = { error: String(error), files: [], lines: [] }
  process.stdout.write(JSON.stringify({ code, params, backtrace }))
  process.exitCode = 1
}
