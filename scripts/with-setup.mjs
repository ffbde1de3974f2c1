/**
 * Runs a script of this checkout on a machine that has Node and nothing else: installs the
 * npm packages first when they are missing or not those of the lock file. Plain JavaScript, since
 * nothing is installed yet. What it prints goes to stderr, so that stdout is the script's alone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [script, ...args] = process.argv.slice(2)

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(`Crosspool needs Node 20 or newer; this is ${process.version}.`)
  process.exit(1)
}
installPackages()
const tsx = join(root, 'node_modules/tsx/dist/loader.mjs')
const child = spawn(process.execPath, ['--import', tsx, join(root, script), ...args], {
  stdio: 'inherit',
  cwd: root,
})
// Ctrl-C reaches the script by itself; this process must only outlive it, for it may have to tidy up.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (status) => process.exit(status ?? 1))

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const marker = join(root, 'node_modules/.crosspool-lock')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return
  console.error('Installing npm packages ...')
  // No package of ours needs its install script; what is native comes built. Not `npm ci`: that
  // refuses a lock file made where a registry has no builds for other systems than its own.
  const install = spawnSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'],
    { stdio: ['ignore', 2, 2], cwd: root },
  )
  if (install.status !== 0) process.exit(install.status ?? 1)
  writeFileSync(marker, lock)
}
