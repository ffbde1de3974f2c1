import { chmod, copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { labSourceDirectory } from '../support/paths.ts'
import * as recipe from './recipe.ts'

/** Unpacks and configures Debian into `root`, then adds the lab's own files. */
export async function makeRootFileSystem(root: string, keyFile: string): Promise<void> {
  await execa('mmdebstrap', mmdebstrapArguments(root), {
    // Debian's hook would build an initramfs; the lab brings its own.
    env: { INITRD: 'No' },
    timeout: 1_200_000,
  })
  // Not with `recursive: true` onto symbolic links: the tree has real folders only below /etc and /usr.
  await cp(join(labSourceDirectory, 'image/files'), root, { recursive: true })
  const units = join(root, 'etc/systemd/system')
  for (const unit of recipe.maskedUnits) {
    await symlink('/dev/null', join(units, unit)).catch(ignoreExisting)
  }
  await mkdir(join(units, 'multi-user.target.wants'), { recursive: true })
  for (const unit of recipe.enabledUnits) {
    await symlink(`/etc/systemd/system/${unit}`, join(units, 'multi-user.target.wants', unit))
  }
  await mkdir(join(root, 'srv/images'), { recursive: true })
  await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 })
  await copyFile(`${keyFile}.pub`, join(root, 'root/.ssh/authorized_keys'))
  // Hosts reach each other by ssh as well, as plain `xl migrate` between hosts of one administrator needs.
  await copyFile(keyFile, join(root, 'root/.ssh/id_ed25519'))
  // Any valid value keeps systemd from running its first-boot presets; each host gets its own on the command line.
  await writeFile(join(root, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`)
  await writeFile(join(root, 'etc/hostname'), 'lab\n')
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'))
  await chmod(join(root, 'usr/local/bin/node'), 0o755)
}

function mmdebstrapArguments(root: string): string[] {
  return [
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    // A torn build is thrown away as a whole, so nothing needs to be synced to disk.
    '--dpkgopt=force-unsafe-io',
    ...recipe.excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--include=${recipe.packages.join(',')}`,
    recipe.suite,
    root,
    ...recipe.archives,
  ]
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
