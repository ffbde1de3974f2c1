import { passed, type Verdict, warning } from '../../model/diagnosis.ts'
import type { HostNeeds, HostView } from '../../ports/host-needs.ts'
import { parseFilter } from './parse-report.ts'

export const lvmNeeds: HostNeeds = {
  programs: [
    {
      ...{ command: 'lvs', versionArguments: ['--version'], package: 'lvm2' },
      versionPattern: /LVM version:\s+(\S+)/,
      purpose: 'keeps volumes',
    },
  ],
  looks: [{ name: "LVM's filter", look: lookAtFilter }],
  states: [
    ['pvs'],
    ['vgs'],
    ['lvs', '--all', '--options', '+lv_tags,devices'],
    ['lvmconfig', '--type', 'current'],
  ],
}

const filters = ['devices/global_filter', 'devices/filter']
/** Whether a pattern of these turns such a device away. */
const mirror = '/dev/drbd1000'

/** What LVM finds on a mirror it has found beneath it already; on a guest's disk, volume groups that are the guest's. */
async function lookAtFilter(host: HostView): Promise<Verdict> {
  const lists = await Promise.all(
    filters.map(async (name) => {
      const { stdout } = await host.probe('lvmconfig', ['--typeconfig', 'full', name])
      return parseFilter(stdout.replace('global_filter', 'filter'))
    }),
  ).catch(() => null)
  if (lists === null) return warning('lvmconfig does not answer', 'apt install lvm2')
  if (lists.some((patterns) => rejects(patterns, mirror)))
    return passed('DRBD devices are left out')
  return warning(
    "LVM's own commands look for volume groups on DRBD devices",
    'Write global_filter = [ "r|^/dev/drbd.*|" ] into the section devices of /etc/lvm/lvmlocal.conf, in front of patterns that are there.',
  )
}

/** The first pattern that fits decides. */
function rejects(patterns: readonly string[], device: string): boolean {
  const first = patterns.find((pattern) => fits(pattern.slice(2, -1), device))
  return first?.startsWith('r') === true
}

function fits(expression: string, device: string): boolean {
  try {
    return new RegExp(expression).test(device)
  } catch {
    return false
  }
}
