import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { ensurePackages } from '../lab/support/packages.ts'
import { walkthroughScript } from '../support/walkthrough.ts'
import {
  startXenApiHosts,
  vmName,
  type XenApiHost,
  type XenApiHosts,
} from '../support/xenapi-hosts.ts'

/** Clients that are packages of Debian's. The daemons' hosts are simulated, so that they can fail on request. */
let hosts: XenApiHosts

beforeAll(() =>
  ensurePackages((line) => console.log(`-- ${line}`), ['curl', 'jq', 'python3-os-xenapi']),
)
beforeEach(async () => {
  hosts = await startXenApiHosts()
})
afterEach(() => hosts.close())

/** Debian's own Python: another one on the path does not see its packages. */
async function runPython(expected: 'success' | 'failure'): Promise<string> {
  const script = join(import.meta.dirname, 'xenapi-migration.py')
  const { source, destination } = hosts
  // One URL with a path and one without: the client asks at other places then.
  const urls = [`${source.secureUrl}/`, destination.secureUrl]
  const { stdout } = await execa('/usr/bin/python3', [script, ...urls, vmName, expected], {
    timeout: 60_000,
    env: { SOURCE_TOKEN: source.token, DESTINATION_TOKEN: destination.token },
  })
  return stdout
}

it('Python migrates a VM from pool to pool by XML-RPC', async () => {
  expect(await runPython('success')).toContain('ended with success')
  expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
})

it('Python hears why a migration failed', async () => {
  hosts.vms.injectFault('alpha1', { name: 'send-fails', fraction: 0.5 })
  expect(await runPython('failure')).toContain('ended with failure')
  expect(hosts.vms.runningAt(hosts.vm)).toEqual(['alpha1'])
})

const curlOf = ({ fingerprint, secureUrl }: XenApiHost) =>
  `--insecure --pinnedpubkey ${fingerprint} ${secureUrl}`

it('curl alone does it, as the walk-through says', async () => {
  const input = walkthroughScript('xenapi.md', {
    SOURCE_XAPI: curlOf(hosts.source),
    SOURCE_TOKEN: hosts.source.token,
    DESTINATION_XAPI: curlOf(hosts.destination),
    DESTINATION_TOKEN: hosts.destination.token,
    VM_NAME: vmName,
  })
  const { stdout } = await execa('bash', ['-s'], { input, timeout: 60_000 })
  expect(stdout).toContain('"status": "success"')
  expect(stdout).toContain('"Running"\n[]')
  expect(hosts.vms.runningAt(hosts.vm)).toEqual(['beta1'])
})
