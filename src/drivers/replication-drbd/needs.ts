import { failed, passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostNeeds, HostView } from '../../ports/host-needs.ts'
import { parseBlockDeviceMinors } from './parse-used-numbers.ts'

const parameters = '/sys/module/drbd/parameters'
const settingsFile = '/etc/modprobe.d/crosspool.conf'
/** Each mirror takes one. */
const freeMinorsFew = 8

interface Range {
  readonly from: number
  readonly to: number
}

export interface DrbdSettings {
  readonly minors: Range
  readonly stateDirectory: string
}

export function drbdNeeds({ minors, stateDirectory }: DrbdSettings): HostNeeds {
  const ours = ['drbdadm', '-c', `${stateDirectory}/drbd.conf`] as const
  return {
    programs: [
      {
        ...{ command: 'drbdadm', versionArguments: ['--version'], package: 'drbd-utils' },
        versionPattern: /^DRBDADM_VERSION=(\S+)/m,
        purpose: 'makes mirrors',
      },
      {
        ...{ command: 'drbdsetup', versionArguments: ['help'], package: 'drbd-utils' },
        // For its version it would load the module.
        purpose: 'hands mirrors over',
      },
      {
        ...{ command: 'losetup', versionArguments: ['--version'], package: 'mount' },
        versionPattern: /util-linux (\S+)/,
        purpose: "presents DRBD's metadata",
      },
    ],
    modules: [
      {
        ...{ name: 'drbd', isLoadedOnDemand: false },
        source: "Use a kernel of Debian, or LINBIT's package drbd-dkms.",
      },
    ],
    looks: [
      { name: 'DRBD handlers', look: lookAtHelper },
      { name: 'DRBD in a Xen dom0', look: lookAtSendpage },
      { name: 'DRBD minors', look: (host) => lookAtMinors(host, minors) },
    ],
    states: [
      ['drbdsetup', 'status', '--verbose', '--statistics'],
      ['drbdsetup', 'show', 'all'],
      [...ours, 'dump'],
      [...ours, 'status'],
      ['drbdadm', 'dump', 'all'],
      ['losetup', '--list'],
      ['cat', '/proc/drbd'],
    ],
  }
}

/** A distribution's handlers may reboot or halt the host when a mirror breaks. */
async function lookAtHelper(host: HostView): Promise<Verdict> {
  const helper = (await host.readText(`${parameters}/usermode_helper`))?.trim()
  if (helper === undefined) return passed('the module is not loaded')
  if (['/bin/true', '/usr/bin/true', 'disabled', ''].includes(helper)) return passed('off')
  return warning(
    `${helper} is called when a mirror breaks, with the handlers of /etc/drbd.d`,
    `Unless resources of your own need them, write "options drbd usermode_helper=/bin/true" into ${settingsFile} and load the module anew.`,
  )
}

/** LINBIT's guide: the network of a dom0 may send a page after DRBD has given it back. */
async function lookAtSendpage(host: HostView): Promise<Verdict> {
  const hypervisor = (await host.readText('/sys/hypervisor/type'))?.trim()
  if (hypervisor !== 'xen') return passed('this is none')
  const setting = (await host.readText(`${parameters}/disable_sendpage`))?.trim()
  if (setting === undefined) return passed('this DRBD has no such setting')
  if (setting === 'Y' || setting === '1') return passed('sends no pages of its own')
  return warning(
    'disable_sendpage is off',
    `Write "options drbd disable_sendpage=1" into ${settingsFile} and load the module anew.`,
  )
}

async function lookAtMinors(host: HostView, { from, to }: Range): Promise<Verdict> {
  const used = [...parseBlockDeviceMinors(await host.listFolder('/sys/block'))]
  const free = to - from + 1 - used.filter((minor) => minor >= from && minor <= to).length
  const seen = `${free} of ${from} to ${to} are free`
  const advice = 'Widen minors in /etc/crosspool/sm.json, or end replications.'
  if (free <= 0) return failed(seen, advice)
  return free < freeMinorsFew ? warning(seen, advice) : passed(seen)
}
