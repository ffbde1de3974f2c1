export type LoopCommand = readonly [command: string, ...args: string[]]

export function listLoopDevices(): LoopCommand {
  const columns = 'NAME,BACK-FILE,OFFSET,SIZELIMIT,DIO,AUTOCLEAR'
  return ['losetup', '--json', '--list', '--output', columns]
}

/**
 * The size limit changes nothing for a file of that size. It is the mark by which we know our own
 * loop device from one that the administrator made over the same file.
 */
export function attachLoopDevice(file: string, sizeBytes: number, direct: boolean): LoopCommand {
  const options = ['--find', '--show', '--sizelimit', String(sizeBytes)]
  return ['losetup', ...options, `--direct-io=${direct ? 'on' : 'off'}`, file]
}

export function detachLoopDevice(device: string): LoopCommand {
  return ['losetup', '--detach', device]
}
