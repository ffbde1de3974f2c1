import { z } from 'zod'

/** UDP port that test guests broadcast to. */
export const reportPort = 7777

const diskReport = z.object({
  disk: z.string(),
  /** The number that is in each record of this disk. */
  number: z.number().int(),
  slots: z.number().int(),
  /** Highest sequence number whose write and flush have both returned. */
  acknowledged: z.number().int(),
  /** Highest sequence number whose write may have begun. Sent before it begins. */
  issued: z.number().int(),
  /** Failed reads, writes and flushes. */
  errors: z.number().int(),
  slowestWriteUs: z.number().int(),
  /** Of the newest acknowledged write, flush included. */
  lastWriteUs: z.number().int(),
})

const guestReport = z.object({
  guest: z.string(),
  boot: z.string(),
  tick: z.number().int(),
  nowNs: z.number(),
  /** Lines of the guest kernel's log that tell of an I/O error. */
  kernelErrors: z.number().int(),
  disks: z.array(diskReport),
})

export type DiskReport = z.infer<typeof diskReport>
export type GuestReport = z.infer<typeof guestReport>

/** A report as it was seen from outside. */
export interface Observation {
  /** Milliseconds since the epoch, from a monotonic clock. */
  readonly arrivedMs: number
  /** The port of the switch, that is the host that the guest ran on. */
  readonly host: string
  readonly report: GuestReport
}

const ethernetHeaderBytes = 14
const ipv4Type = 0x0800
const udpProtocol = 17
const udpHeaderBytes = 8

/** The report in an Ethernet frame, or undefined when the frame is anything else. */
export function parseReportFrame(frame: Buffer): GuestReport | undefined {
  if (frame.length < 42 || frame.readUInt16BE(12) !== ipv4Type) return undefined
  const internetHeaderBytes = (frame.readUInt8(ethernetHeaderBytes) & 0x0f) * 4
  if (frame.readUInt8(ethernetHeaderBytes + 9) !== udpProtocol) return undefined
  const udp = ethernetHeaderBytes + internetHeaderBytes
  if (frame.length < udp + udpHeaderBytes || frame.readUInt16BE(udp + 2) !== reportPort)
    return undefined
  const end = udp + frame.readUInt16BE(udp + 4)
  const text = frame.toString('utf8', udp + udpHeaderBytes, end)
  try {
    return guestReport.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
