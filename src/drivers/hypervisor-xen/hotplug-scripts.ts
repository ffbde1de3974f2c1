import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Scripts that libxl runs for the devices of an incoming domain; null: Xen's own. */
export interface HotplugScripts {
  readonly block: string | null
  readonly vif: string | null
}

export const xensOwnScripts: HotplugScripts = { block: null, vif: null }

/**
 * Puts quicker hotplug scripts into `directory` and answers their paths. libxl runs these scripts
 * while the VM is stopped, and Xen's own start dozens of processes each: more than all the rest of
 * the pause. Ours do the same for the plain case of a domain on its way in (a block device, a Linux
 * bridge), and hand over to Xen's own for everything else, also when the guest reboots later. The
 * folder must last as long as the domains.
 */
export async function installHotplugScripts(
  directory: string,
  xenDirectory = '/etc/xen',
): Promise<HotplugScripts> {
  const own = join(xenDirectory, 'scripts')
  await mkdir(directory, { recursive: true, mode: 0o755 })
  const install = async (name: string, ownName: string, text: (own: string) => string) => {
    const ownPath = join(own, ownName)
    if (!(await exists(ownPath))) return null
    const path = join(directory, name)
    // A script may be running at this moment: it is replaced, not written over.
    await writeFile(`${path}.new`, text(ownPath))
    await chmod(`${path}.new`, 0o755)
    await rename(`${path}.new`, path)
    return path
  }
  const isBridged = await usesBridges(xenDirectory)
  return {
    block: await install('block', 'block', blockScript),
    vif: isBridged ? await install('vif', 'vif-bridge', vifScript) : null,
  }
}

/** False when the administrator's interfaces are plugged in by another script than vif-bridge. */
async function usesBridges(xenDirectory: string): Promise<boolean> {
  const configuration = await readFile(join(xenDirectory, 'xl.conf'), 'utf8').catch(() => '')
  const script = /^\s*vif\.default\.script\s*=\s*["']?([^"'\s]*)/m.exec(configuration)?.[1]
  return script === undefined || /(^|\/)vif-bridge$/.test(script)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

// Without Xen's check of who else uses the device: at this moment the VM's copy at the source may,
// and who may write is decided by the handover of the disks.
const blockScript = (own: string) => `#!/bin/sh
# Crosspool: a disk of a VM that is on its way to this host. All else is Xen's own script.
[ "$1" = add ] || exec ${own} "$@"
rest=\${XENBUS_PATH#backend/vbd/}
{ read -r name; read -r device; } <<END
$(xenstore-read "/local/domain/\${rest%%/*}/name" "$XENBUS_PATH/params")
END
case $name in *--incoming) ;; *) exec ${own} "$@" ;; esac
[ -b "$device" ] || exec ${own} "$@"
path=$(readlink -f "$device") || exec ${own} "$@"
numbers=$(stat -L -c %t:%T "$path") || exec ${own} "$@"
exec xenstore-write "$XENBUS_PATH/physical-device" "$numbers" \\
  "$XENBUS_PATH/physical-device-path" "$path" "$XENBUS_PATH/hotplug-status" connected
`

const vifScript = (own: string) => `#!/bin/sh
# Crosspool: an interface of a VM that is on its way to this host. All else is Xen's own script.
[ "$1" = online ] || exec ${own} "$@"
rest=\${XENBUS_PATH#backend/vif/}
{ read -r name; read -r bridge; } <<END
$(xenstore-read "/local/domain/\${rest%%/*}/name" "$XENBUS_PATH/bridge")
END
case $name in *--incoming) ;; *) exec ${own} "$@" ;; esac
[ -d "/sys/class/net/$bridge/bridge" ] || exec ${own} "$@"
# Where bridged packets meet a firewall, or the administrator has hooks, it takes the whole script.
filtered=0
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
  read -r filtered </proc/sys/net/bridge/bridge-nf-call-iptables
[ "$filtered" = 0 ] || exec ${own} "$@"
for hook in /etc/xen/scripts/vif-post.d/*.hook; do
  [ ! -e "$hook" ] || exec ${own} "$@"
done
read -r mtu <"/sys/class/net/$bridge/mtu"
ip link set dev "$vif" address fe:ff:ff:ff:ff:ff mtu "$mtu" addrgenmode none \\
  master "$bridge" up || exec ${own} "$@"
exec xenstore-write "$XENBUS_PATH/hotplug-status" connected \\
  "/local/domain/\${rest%%/*}/device/vif/\${rest#*/}/mtu" "$mtu"
`
