import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MiB } from '../../src/lib/units.ts'
import type { Playground } from './playground.ts'
import type { PlaygroundGuest } from './playground-guest.ts'
import type { PlaygroundHost } from './playground-host.ts'

export interface Example {
  readonly what: string
  /** Works as it stands, in this order, in any shell. */
  readonly command: string
}

/** A command for each host, and a second guest that only has to be started. */
export async function writeExamples(
  playground: Playground,
  guest: PlaygroundGuest,
): Promise<readonly Example[]> {
  const [alpha, beta] = [playground.host('alpha1'), playground.host('beta1')]
  const [onAlpha, onBeta] = [await writeCommand(alpha), await writeCommand(beta)]
  const second = playground.guest({ name: 'second', number: 102 })
  const file = join(playground.directory, 'second.json')
  const disk = await alpha.newDisk('vhd', 'second', 32 * MiB)
  await writeFile(file, JSON.stringify(second.description([disk]), null, 2))
  const { name } = guest
  const post = `curl -sf ${beta.curl('xapi')}/v1/vms/${name}/migrate --json '{"destination": "alpha/alpha1"}'`
  return [
    { what: 'what runs where', command: `${onAlpha} hosts; ${onAlpha} vms` },
    { what: 'the same by HTTP', command: `curl -sf ${alpha.curl('xapi')}/v1/vms` },
    {
      what: 'every check, nothing done',
      command: `${onAlpha} migrate ${name} --to beta/beta1 --dry-run`,
    },
    {
      what: 'to the other pool, its disks in another format',
      command: `${onAlpha} migrate ${name} --to beta/beta1 --sr qcow2`,
    },
    { what: 'and back, by HTTP', command: `${post} && echo && ${onBeta} operations` },
    { what: 'disks and storage', command: `${onBeta} vdis; ${onBeta} srs; ${onBeta} leftovers` },
    { what: 'one more VM, on a VHD', command: `${onAlpha} vms start ${file}` },
    { what: 'and its end', command: `${onAlpha} vms destroy second` },
  ]
}

/** `crosspool` for this host, as if one were logged in there. */
export async function writeCommand(host: PlaygroundHost): Promise<string> {
  const path = join(host.plan.directory, 'crosspool')
  const program = join(host.plan.programs, 'crosspool.mjs')
  const lines = [
    '#!/bin/sh',
    `export CROSSPOOL_XAPI=${host.sockets.xapi} CROSSPOOL_SM=${host.sockets.sm}`,
    `exec '${process.execPath}' '${program}' "$@"`,
  ]
  await writeFile(path, `${lines.join('\n')}\n`)
  await chmod(path, 0o755)
  return path
}
