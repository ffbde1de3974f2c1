import { z } from 'zod'

/**
 * What may be taken over from another host's configuration of a domain: fields whose meaning is
 * the guest's own, each with a form of its own. A field without an entry here does not exist for us,
 * and what is in none of these forms is refused.
 */

/** Can neither name a file nor add anything to a command line. */
const name = z.string().regex(/^(\w[\w.:+-]{0,127})?$/)
const word = z.union([z.boolean(), z.number(), name])
const pair = z.union([word, z.array(word).max(4096), z.record(name, word)])
const words = z.union([pair, z.array(pair).max(1024), z.record(name, pair)])
const plain = z.union([words, z.array(words).max(1024), z.record(name, words)])

const atMost = (max: number) => z.number().max(max)
/** libxl's own words for "whatever this host does". */
const unset = z.union([z.literal(0xffff_ffff), z.literal(-1)])
const commandLine = z
  .string()
  .max(4_000)
  .regex(/^\P{Cc}*$/u)
const path = z.string().regex(/^(\/\P{Cc}{0,1000})?$/u)
const password = z.string().regex(/^[ -~]{0,64}$/)

const each = <Schema extends z.ZodType>(names: readonly string[], schema: Schema) =>
  Object.fromEntries(names.map((name) => [name, schema.optional()]))

/** Where a screen is served is this host's affair: libxl's default is the host itself alone. */
const screen = z.object({
  ...each(['enable', 'display', 'findunused'], word),
  passwd: password.optional(),
})

const hvmSchema = z.object({
  ...each(
    [
      ...['bios', 'pae', 'apic', 'acpi', 'acpi_s3', 'acpi_s4', 'acpi_laptop_slate', 'nx'],
      ...['viridian', 'viridian_enable', 'viridian_disable', 'hpet', 'vpt_align'],
      ...['mmio_hole_memkb', 'timer_mode', 'nested_hvm', 'altp2m', 'hdtype', 'nographic'],
      ...['keymap', 'usb', 'usbversion', 'vkb_device', 'soundhw', 'xen_platform_pci'],
      ...['vendor_device', 'ms_vm_genid', 'mca_caps', 'pirq'],
    ],
    plain,
  ),
  boot: z
    .string()
    .regex(/^[acdn]{0,4}$/)
    .optional(),
  timeoffset: z
    .string()
    .regex(/^-?\d{0,12}$/)
    .optional(),
  vga: z.object(each(['kind'], word)).optional(),
  vnc: screen.optional(),
  // These can also name files and devices of the host.
  serial: z.literal('pty').optional().catch(undefined),
  usbdevice: z.enum(['tablet', 'mouse']).optional().catch(undefined),
})

const buildSchema = z.object({
  ...each(
    [
      ...['avail_vcpus', 'numa_placement', 'tsc_mode', 'rtc_timeoffset', 'localtime'],
      ...['disable_migrate', 'cpuid', 'blkdev_start', 'vnuma_nodes', 'max_grant_version'],
      ...['device_model_version', 'claim_mode', 'acpi', 'timer_mode', 'nested_hvm', 'apic'],
      ...['altp2m', 'arch_x86', 'vpmu'],
    ],
    plain,
  ),
  target_memkb: z.number().optional(),
  // They take memory of the host beside the guest's own.
  video_memkb: z.union([unset, atMost(512 * 1024)]).optional(),
  shadow_memkb: z.union([unset, atMost(1024 * 1024)]).optional(),
  max_grant_frames: z.union([unset, atMost(4_096)]).optional(),
  max_maptrack_frames: z.union([unset, atMost(65_536)]).optional(),
  event_channels: atMost(131_072).optional(),
  // Read at the next reboot of the guest.
  kernel: path.optional(),
  ramdisk: path.optional(),
  cmdline: commandLine.optional(),
  bootloader: z.literal('pygrub').optional().catch(undefined),
  sched_params: z.object(each(['weight', 'cap'], word)).optional(),
  'type.pv': z
    .object({
      ...each(['slack_memkb'], word),
      features: z
        .string()
        .regex(/^[\w|!,-]*$/)
        .optional(),
    })
    .optional(),
  'type.pvh': z
    .object({ ...each(['pvshim'], word), pvshim_cmdline: commandLine.optional() })
    .optional(),
  'type.hvm': hvmSchema.optional(),
})

const driveFields = ['vdev', 'format', 'removable', 'is_cdrom']

const diskSchema = z.object({
  ...each([...driveFields, 'direct_io_safe', 'discard_enable', 'trusted'], word),
  /** Not taken over: it only tells an empty drive from a disk. */
  pdev_path: z.string().optional(),
})

const nicSchema = z.object(
  each(
    ['mac', 'mtu', 'model', 'nictype', 'rate_bytes_per_interval', 'rate_interval_usecs', 'trusted'],
    word,
  ),
)

export const guestSchema = z.object({
  c_info: z
    .object(each(['type', 'hap', 'oos', 'run_hotplug_scripts', 'xend_suspend_evtchn_compat'], word))
    .prefault({}),
  b_info: buildSchema.prefault({}),
  disks: z.array(diskSchema).max(64).default([]),
  nics: z.array(nicSchema).max(32).default([]),
  vfbs: z
    .array(z.object({ ...each(['devid', 'keymap'], word), vnc: screen.optional() }))
    .max(4)
    .optional(),
  vkbs: z
    .array(z.object(each(['devid'], word)))
    .max(4)
    .optional(),
  ...each(['on_poweroff', 'on_reboot', 'on_watchdog', 'on_crash', 'on_soft_reset'], word),
})
export type Guest = z.infer<typeof guestSchema>
