import type { LabHost } from '../lab/lab-host.ts'

const slow = { timeoutMs: 600_000 }
const units = 'crosspool-sm.service crosspool-xapi.service'

/** What `Cluster.open` puts on a host without a package goes, its records too; the next `Cluster.open` puts it there anew. */
export async function takeCheckoutAway(host: LabHost): Promise<void> {
  await host.exec(`systemctl disable --now ${units}`, slow)
  const files = [
    ...['/etc/systemd/system/crosspool-sm.service', '/etc/systemd/system/crosspool-xapi.service'],
    ...['/usr/bin/crosspool', '/usr/sbin/crosspool-sm', '/usr/sbin/crosspool-xapi'],
    ...['/opt/crosspool', '/etc/crosspool', '/var/lib/crosspool', '/run/crosspool'],
  ]
  await host.run(
    `rm -rf ${files.join(' ')} /etc/modules-load.d/crosspool.conf && systemctl daemon-reload`,
    slow,
  )
}

/**
 * All of a host that a package could leave behind or change, as lines: files with what is in them, devices, volumes,
 * links, units. Left out is what a host writes by itself, what dpkg
 * keeps of any package that was ever there, the test's own files, and modules, which stay loaded until the host is booted.
 */
export async function fingerprintOf(host: LabHost): Promise<readonly string[]> {
  const text = await host.run(script, slow)
  return text.split('\n')
}

const script = `
  find /etc /usr /opt /boot /root /var/lib /var/spool /srv -xdev \\
    \\( -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /root/packages -o -path /var/lib/crosspool-lab \\
      -o -path /etc/lvm/archive -o -path /etc/lvm/backup -o -path /var/lib/xen -o -path /boot -o -path /etc/xen/plain.cfg \\) -prune \\
    -o -type f -printf '%p %m %u %s %T@\\n' -o -type l -printf '%p -> %l\\n' -o -type d -printf '%p/ %m\\n' | sort
  find /run -maxdepth 1 -name '*crosspool*'
  dmsetup ls | sort; lvs --noheadings -o lv_name,lv_size,lv_tags | sort
  losetup --list --noheadings; ls /sys/block | grep -v -e '^nbd' -e '^loop'; ls -d /sys/block/nbd*/pid 2>/dev/null; ip -o link show type wireguard
  systemctl list-unit-files --no-legend 'crosspool*'; pgrep -af '^/usr/lib/crosspool/'
  true
`

export interface Confinement {
  readonly noNewPrivileges: number
  /** 2: a filter of system calls. */
  readonly seccompMode: number
  /** As systemd-analyze counts, 10 at most. */
  readonly exposure: number
}

/** What the kernel and systemd say of a running unit. */
export async function confinementOf(host: LabHost, unit: string): Promise<Confinement> {
  const status = await host.run(
    `cat /proc/$(systemctl show -P MainPID ${unit})/status && systemd-analyze security --no-pager ${unit} | tail -1`,
    slow,
  )
  const number = (pattern: RegExp) => Number(pattern.exec(status)?.[1] ?? Number.NaN)
  return {
    noNewPrivileges: number(/^NoNewPrivs:\s+(\d+)/m),
    seccompMode: number(/^Seccomp:\s+(\d+)/m),
    exposure: number(/exposure level for .*: ([\d.]+)/),
  }
}
