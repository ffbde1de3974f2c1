import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCrosspoolPackage } from '../../scripts/package/make-packages.ts'
import { cacheEntry } from '../lab/support/cache-entry.ts'
import { ensurePackages } from '../lab/support/packages.ts'

/** A root file system of Debian 13, without systemd: what it depends on is there, and it runs by Debian's Node. Needs root. */
const archive = 'deb http://deb.debian.org/debian trixie main'

let folder: string
let root: string
let deb: string
let next: string

beforeAll(async () => {
  await ensurePackages(() => {}, ['mmdebstrap'])
  folder = await mkdtemp(join(tmpdir(), 'crosspool-debian-13-'))
  root = join(folder, 'root')
  const pristine = await cacheEntry('debian-13', 'trixie', async (directory) => {
    const how = ['--mode=root', '--variant=apt', '--dpkgopt=path-exclude=/usr/share/doc/*']
    await execa('mmdebstrap', [...how, 'trixie', join(directory, 'root'), archive])
  })
  await execa('cp', ['-a', '--reflink=auto', join(pristine, 'root'), root])
  await execa('cp', ['/etc/resolv.conf', join(root, 'etc/resolv.conf')])
  deb = await makeCrosspoolPackage({ version: '1.0.0', folder: join(root, 'root') })
  next = await makeCrosspoolPackage({ version: '1.0.1', folder: join(root, 'root') })
  await inside('apt-get update')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** With processes of its own, which all end with the script. */
async function inside(script: string): Promise<string> {
  const enter = `mount -t proc proc "$1/proc" && exec chroot "$1" bash -euc "$2"`
  const { stdout } = await execa(
    'unshare',
    ['--mount', '--pid', '--fork', 'sh', '-c', enter, 'sh', root, script],
    { timeout: 300_000, env: { DEBIAN_FRONTEND: 'noninteractive' } },
  )
  return stdout
}

it('it installs beside the Node of Debian, and its storage manager answers', async () => {
  const mirrors = 'qemu-utils qemu-system-common'
  await inside(`${install(deb)} ${mirrors}`)
  const configuration = {
    ...{ host: 'trixie', listen: { address: '127.0.0.1', port: 17310 }, datapath: 'user' },
    ...{ stateDirectory: '/tmp/state', runtimeDirectory: '/tmp/run' },
  }
  const answer = await inside(`
    echo '${JSON.stringify(configuration)}' > /tmp/sm.json
    export CROSSPOOL_SM=/tmp/run/sm.sock
    crosspool-sm --config /tmp/sm.json > /tmp/sm.log 2>&1 &
    until crosspool srs create here --type file --set directory=/tmp 2> /dev/null
    do kill -0 $! || { cat /tmp/sm.log; exit 1; }; sleep 1; done
    crosspool srs --json
  `)
  expect(JSON.parse(answer.split('\n').at(-1) ?? '')).toMatchObject([{ name: 'here' }])
})

const install = (file: string) =>
  `apt-get install -y --no-install-recommends /root/${basename(file)}`
const files = '/etc/modules-load.d/crosspool.conf /var/lib/crosspool/sm/record'

it('an upgrade and a removal keep configuration and records', async () => {
  await inside(`mkdir -p /var/lib/crosspool/sm; for file in ${files}; do echo mine > $file; done`)
  await inside(install(next))
  const version = `dpkg-query -W -f '\${Version}' crosspool`
  expect(await inside(version)).toBe('1.0.1')
  expect(await inside(`cat ${files}`)).toBe('mine\nmine')
  await inside('apt-get remove -y crosspool')
  expect(await inside(`cat ${files}`)).toBe('mine\nmine')
  expect(await inside('ls /usr/lib | grep crosspool || true')).toBe('')
})

it('a purge leaves nothing', async () => {
  await inside('apt-get purge -y crosspool')
  expect(await inside("find / -xdev -path /root -prune -o -name '*crosspool*' -print")).toBe('')
})
