import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { deviceNumber } from '../../lib/device-number.ts'

/** Translates between the names that a block device has in /dev, in the kernel and in device-mapper. */
export interface DeviceNames {
  /** MAJOR:MINOR of the device behind a path or symbolic link, or null where there is none. */
  numberOf(path: string): Promise<string | null>
  /** A readable path: /dev/mapper/NAME for a mapped device, otherwise the kernel's own name. */
  pathOf(number: string): Promise<string>
  /** Device-mapper's name of the device, or null where it is not a mapped one. */
  mappedNameOf(number: string): Promise<string | null>
}

export function createDeviceNames(sysfs = '/sys'): DeviceNames {
  async function mappedNameOf(number: string): Promise<string | null> {
    try {
      const name = await readFile(join(sysfs, 'dev/block', number, 'dm/name'), 'utf8')
      return name.trim()
    } catch {
      return null
    }
  }

  return {
    mappedNameOf,

    async numberOf(path) {
      if (/^\d+:\d+$/.test(path)) return path
      try {
        const found = await stat(path)
        return found.isBlockDevice() ? formatNumber(found.rdev) : null
      } catch {
        return null
      }
    },

    async pathOf(number) {
      const name = await mappedNameOf(number)
      if (name !== null) return `/dev/mapper/${name}`
      try {
        const kernelName = basename(await realpath(join(sysfs, 'dev/block', number)))
        return `/dev/${kernelName.replaceAll('!', '/')}`
      } catch {
        return number
      }
    },
  }
}

function formatNumber(rdev: number): string {
  const { major, minor } = deviceNumber(rdev)
  return `${major}:${minor}`
}
