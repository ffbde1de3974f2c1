import { readdir, readFile } from 'node:fs/promises'
import { CrosspoolError } from '../../model/errors.ts'
import type { VolumeFormat } from '../../model/vdi.ts'
import type { CommandRunner } from '../../ports/command-runner.ts'
import {
  attachNetworkDevice,
  detachNetworkDevice,
  type FileCommand,
  loadNetworkDevices,
  networkDeviceMark,
} from './commands.ts'

interface NetworkDevice {
  readonly path: string
  /** Null: nobody has connected it. */
  readonly server: readonly string[] | null
}

/** Presents images as block devices of the kernel (/dev/nbdN), each served by a qemu-nbd of its own. */
export class NetworkDevices {
  readonly #runner: CommandRunner
  /** Two searches for a free device at once would find the same one. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(runner: CommandRunner) {
    this.#runner = runner
  }

  /** @throws NOT_SUPPORTED when no device is free */
  async attach(file: string, format: VolumeFormat, direct: boolean): Promise<string> {
    return await this.#inTurn(async () => {
      let devices = await listNetworkDevices()
      if (devices.length === 0) {
        await this.#run(loadNetworkDevices())
        devices = await listNetworkDevices()
      }
      const present = devices.find((device) => servesForUs(device, file))
      if (present) return present.path
      const free = devices.find(({ server }) => server === null)
      if (!free) {
        const reason = `none of ${devices.length} nbd devices is free`
        throw new CrosspoolError('NOT_SUPPORTED', { what: `Attaching a ${format} image`, reason })
      }
      await this.#run(attachNetworkDevice(free.path, file, format, direct))
      return free.path
    })
  }

  async detach(file: string): Promise<void> {
    await this.#inTurn(async () => {
      for (const device of await listNetworkDevices()) {
        if (servesForUs(device, file)) await this.#run(detachNetworkDevice(device.path))
      }
    })
  }

  /** Devices by which our images can be found. */
  async pathsOf(file: string): Promise<readonly string[]> {
    const devices = await listNetworkDevices()
    return devices.filter((device) => servesForUs(device, file)).map(({ path }) => path)
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(act)
    this.#last = result.catch(() => {})
    return result
  }

  async #run([command, ...args]: FileCommand): Promise<void> {
    await this.#runner.run(command, args)
  }
}

function servesForUs({ server }: NetworkDevice, file: string): boolean {
  return [networkDeviceMark, file].every((argument) => server?.includes(argument))
}

async function listNetworkDevices(): Promise<readonly NetworkDevice[]> {
  const names = (await readdir('/sys/block')).filter((name) => /^nbd\d+$/.test(name))
  return await Promise.all(
    names.map(async (name) => ({ path: `/dev/${name}`, server: await readServer(name) })),
  )
}

/** Arguments of the program that serves the device; the kernel only tells its process. */
async function readServer(name: string): Promise<readonly string[] | null> {
  const pid = await readText(`/sys/block/${name}/pid`)
  if (pid === null) return null
  return ((await readText(`/proc/${pid.trim()}/cmdline`)) ?? '').split('\0')
}

async function readText(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null)
}
