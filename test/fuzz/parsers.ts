import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { readAnswer } from '../../src/api/client/read-answer.ts'
import { readEventData } from '../../src/api/client/read-event-data.ts'
import { bearerToken } from '../../src/api/server/bearer-token.ts'
import { readJsonRpcCall } from '../../src/api/xenapi/wire/json-rpc.ts'
import { readXml } from '../../src/api/xenapi/wire/xml-reader.ts'
import { readXmlRpcCall } from '../../src/api/xenapi/wire/xml-rpc.ts'
import {
  parseDuration,
  parseInterval,
  parseKeeping,
  parseKeepMode,
  parseLimit,
  parseMapping,
  parsePositive,
  parseSeconds,
  parseSetting,
  parseSize,
} from '../../src/cli/parse-options.ts'
import { parseConfiguration } from '../../src/daemons/parse-configuration.ts'
import { storageConfigurationSchema } from '../../src/daemons/storage/configuration.ts'
import {
  parseInfo,
  parseMirrorStatus,
  parseNames,
} from '../../src/drivers/block-mapper-dm/parse-info.ts'
import { parseTable } from '../../src/drivers/block-mapper-dm/parse-table.ts'
import {
  decodeWord,
  encodeWord,
  sourceWordSchema,
} from '../../src/drivers/datapath-user/witness.ts'
import { parseBlockStatistics } from '../../src/drivers/hypervisor-qemu/disk-writes.ts'
import { parseAvailable } from '../../src/drivers/hypervisor-qemu/host-facts.ts'
import { blockNodeOf } from '../../src/drivers/hypervisor-qemu/parse-device.ts'
import { parseDetails, parseQemuVm } from '../../src/drivers/hypervisor-qemu/qemu-vm.ts'
import { parseCpuPolicies } from '../../src/drivers/hypervisor-xen/cpu-policy.ts'
import { parseStatistics } from '../../src/drivers/hypervisor-xen/disk-writes.ts'
import {
  parseBridges,
  parseDomainConfigurations,
  parseDomainList,
} from '../../src/drivers/hypervisor-xen/parse-domain-list.ts'
import { parseHostInfo } from '../../src/drivers/hypervisor-xen/parse-host-info.ts'
import { fieldsOf } from '../../src/drivers/hypervisor-xen/plain-data.ts'
import { readDomainConfiguration } from '../../src/drivers/hypervisor-xen/read-domain-configuration.ts'
import { optionalBytesOf } from '../../src/drivers/hypervisor-xen/save-header.ts'
import { writeDomainConfiguration } from '../../src/drivers/hypervisor-xen/write-domain-configuration.ts'
import { parseLoopDevices } from '../../src/drivers/replication-drbd/loop-metadata-volumes.ts'
import { parseEvent } from '../../src/drivers/replication-drbd/parse-events.ts'
import { parseProcDrbd } from '../../src/drivers/replication-drbd/parse-proc-drbd.ts'
import {
  parseBlockDeviceMinors,
  parseConfiguredNumbers,
} from '../../src/drivers/replication-drbd/parse-used-numbers.ts'
import { parseListenPorts } from '../../src/drivers/secure-link-wireguard/used-ports.ts'
import { parseFileConfiguration } from '../../src/drivers/volume-store-file/configuration.ts'
import { parseLosetup } from '../../src/drivers/volume-store-file/parse-losetup.ts'
import { parseLvmConfiguration } from '../../src/drivers/volume-store-lvm/configuration.ts'
import {
  parseFilter,
  parseGroup,
  parseVolumes,
} from '../../src/drivers/volume-store-lvm/parse-report.ts'
import { parseTags } from '../../src/drivers/volume-store-lvm/tags.ts'
import { parsePluginConfiguration } from '../../src/drivers/volume-store-plugin/configuration.ts'
import { parseDescription } from '../../src/drivers/volume-store-plugin/own-description.ts'
import { parseSharedConfiguration } from '../../src/drivers/volume-store-shared/configuration.ts'
import { parseHello } from '../../src/engine/datapath/encounter.ts'
import { parseListeningPorts, parseLocalPorts } from '../../src/lib/local-ports.ts'
import { createLineSplitter, parseQmpMessage } from '../../src/lib/qmp/messages.ts'
import type { ErrorCode } from '../../src/model/errors.ts'
import { parseReplicationUri } from '../../src/model/replication-uri.ts'
import type { MirrorHello } from '../../src/ports/datapath.ts'
import { sample } from '../support/sample-documents.ts'

/** Something that reads what comes from outside. Whatever it is given, it answers, or throws what stands here. */
export interface FuzzedParser {
  readonly name: string
  /** Names of the functions that it stands for. */
  readonly covers: readonly string[]
  readonly takes: 'text' | 'bytes' | 'document'
  readonly parse: (input: never) => unknown
  /** Codes of the error table. Another class by its name. */
  readonly throws: readonly (ErrorCode | 'SyntaxError' | 'UsageError' | 'ZodError' | 'Error')[]
  /** Real inputs, from which broken ones are made. */
  readonly corpus: readonly unknown[]
}

const textOf = (value: unknown) =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

const captured = (file: string) => readFileSync(resolve(import.meta.dirname, '../captured', file))
const capturedText = (file: string) => captured(file).toString('utf8')

const text = (
  name: string,
  parse: (input: string) => unknown,
  throws: FuzzedParser['throws'],
  corpus: readonly string[],
  covers: readonly string[] = [name],
): FuzzedParser => ({ name, covers, takes: 'text', parse, throws, corpus })

const document = (
  name: string,
  parse: (input: unknown) => unknown,
  throws: FuzzedParser['throws'],
  corpus: readonly unknown[],
  covers: readonly string[] = [name],
): FuzzedParser => ({ name, covers, takes: 'document', parse, throws, corpus })

/** What programs of this host print. */
const outputs: readonly FuzzedParser[] = [
  text(
    'parseDomainList',
    parseDomainList,
    ['COMMAND_FAILED'],
    [capturedText('xen-4.17.7/xl-list-v.txt'), capturedText('xen-4.17.7/xl-list-v-incoming.txt')],
  ),
  text(
    'parseDomainConfigurations',
    parseDomainConfigurations,
    ['COMMAND_FAILED'],
    [capturedText('xen-4.17.7/xl-list-l.json')],
  ),
  text(
    'parseBridges',
    parseBridges,
    ['COMMAND_FAILED'],
    [capturedText('xen-4.17.7/ip-link-bridge.json')],
  ),
  text(
    'parseHostInfo',
    parseHostInfo,
    ['COMMAND_FAILED'],
    [capturedText('xen-4.17.7/xl-info.txt')],
  ),
  text('parseCpuPolicies', parseCpuPolicies, [], [capturedText('xen-4.17.7/xen-cpuid-p.txt')]),
  text('parseAvailable', parseAvailable, [], ['MemTotal: 1 kB\nMemAvailable:    2048 kB\n']),
  text('parseStatistics', parseStatistics, [], [capturedText('linux-6.1/dm-stat.txt')]),
  document(
    'parseBlockStatistics',
    parseBlockStatistics,
    ['ZodError'],
    [JSON.parse(capturedText('qemu-7.2.22/query-blockstats.json'))],
  ),
  text('parseEvent', parseEvent, [], capturedText('drbd-8.4.11/events2-source.txt').split('\n')),
  text('parseProcDrbd', parseProcDrbd, [], [capturedText('drbd-8.4.11/proc-drbd-sync.txt')]),
  text(
    'parseConfiguredNumbers',
    parseConfiguredNumbers,
    [],
    [capturedText('drbd-8.4.11/drbdsetup-show.txt')],
  ),
  text('parseListenPorts', parseListenPorts, [], ['wg0\t51820\n']),
  text(
    'parseListeningPorts',
    parseListeningPorts,
    [],
    [capturedText('linux-6.1/proc-net-tcp.txt')],
  ),
  text('parseLocalPorts', parseLocalPorts, [], [capturedText('linux-6.1/proc-net-tcp.txt')]),
  text(
    'parseBlockDeviceMinors',
    (names) => parseBlockDeviceMinors(names.split('\n')),
    [],
    ['drbd0\nsda\ndrbd1000'],
  ),
  text(
    'parseLoopDevices',
    parseLoopDevices,
    ['COMMAND_FAILED'],
    [capturedText('losetup-2.38.1/losetup.json')],
  ),
  text(
    'parseLosetup',
    parseLosetup,
    ['COMMAND_FAILED'],
    [
      capturedText('losetup-2.38.1/losetup.json'),
      capturedText('losetup-2.38.1/losetup-leaving.json'),
    ],
  ),
  text('parseVolumes', parseVolumes, ['COMMAND_FAILED'], [capturedText('lvm-2.03.16/lvs.json')]),
  text('parseGroup', parseGroup, ['COMMAND_FAILED'], [capturedText('lvm-2.03.16/vgs.json')]),
  text('parseFilter', parseFilter, [], [capturedText('lvm-2.03.16/lvmconfig-filter.txt')]),
  text('parseTags', (tags) => parseTags(tags.split(',')), [], ['crosspool,crosspool.id=1']),
  text('parseInfo', parseInfo, [], [capturedText('dmsetup-1.02.185/info-active.txt')]),
  text(
    'parseMirrorStatus',
    parseMirrorStatus,
    [],
    ['0 8192 mirror 2 254:0 254:1 8/16 1 AA 1 core'],
  ),
  text('parseNames', parseNames, [], ['crosspool-1\ncrosspool-2\n', 'No devices found']),
  text(
    'parseTable',
    parseTable,
    ['NOT_SUPPORTED'],
    [capturedText('dmsetup-1.02.185/table-linear.txt')],
  ),
  text(
    'parseQmpMessage',
    parseQmpMessage,
    ['SyntaxError'],
    [
      '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}}}}',
      '{"event":"STOP","data":{"a":1}}',
      '{"return":{},"id":1}',
      '{"error":{"class":"GenericError","desc":"no"},"id":2}',
    ],
  ),
  text('createLineSplitter', (chunk) => createLineSplitter(() => {})(chunk), [], ['a\nb\nc']),
  text('parseDescription', parseDescription, [], ['crosspool: {"id":"1"}']),
]

/** What other hosts say, and clients of the APIs. */
const words: readonly FuzzedParser[] = [
  text(
    'parseReplicationUri',
    parseReplicationUri,
    ['URI_INVALID'],
    [`drbd://10.0.0.2:7310/r-1?size=512&secret=${'a'.repeat(32)}`],
  ),
  text(
    'readXmlRpcCall',
    readXmlRpcCall,
    ['BAD_REQUEST'],
    [xmlCall('<string>a</string>')],
    ['readXmlRpcCall', 'readValue'],
  ),
  text('readXml', readXml, ['BAD_REQUEST'], [xmlCall('<array><data/></array>')]),
  text(
    'readJsonRpcCall',
    readJsonRpcCall,
    ['BAD_REQUEST'],
    ['{"jsonrpc":"2.0","method":"VM.get_all","params":["s"],"id":1}'],
  ),
  text('bearerToken', bearerToken, [], ['Bearer abc', `Bearer ${' '.repeat(1000)}x!`]),
  text(
    'readAnswer',
    (answer) => readAnswer(500, answer, 'http://peer'),
    ['PEER_FAILED', 'NOT_FOUND', 'SR_FULL'],
    ['{"code":"NOT_FOUND","message":"m","details":{"kind":"vm","id":"1"}}'],
  ),
  text('readEventData', readAllEvents, ['Error'], ['data: {"a":1}\n\n: alive\n\ndata: 2\n\n']),
  text(
    'parseConfiguration',
    (given) => parseConfiguration(storageConfigurationSchema, given),
    [],
    ['{ "pool": "alpha", /* its name */ "host": "alpha1", }', '{\n  "pool": "a"\n  "host": "b"\n}'],
  ),
  text('parseSize', parseSize, ['UsageError'], ['10GiB', '1.5T']),
  text('parseDuration', parseDuration, ['UsageError'], ['12h', '90d']),
  text('parseLimit', parseLimit, ['UsageError'], ['none', '50M']),
  text('parseMapping', (given) => parseMapping(given), ['UsageError'], ['a=b', 'b']),
  text('parseSetting', (given) => parseSetting(given), ['UsageError'], ['a=1', 'b=true']),
  text('parsePositive', parsePositive, ['UsageError'], ['1', '1e400']),
  text('parseKeeping', parseKeeping, ['UsageError'], ['ever', '2h', '7d']),
  text('parseInterval', parseInterval, ['UsageError'], ['never', '30m', '1h']),
  text('parseKeepMode', parseKeepMode, ['UsageError'], ['every-write', 'difference']),
  text('parseSeconds', parseSeconds, ['UsageError'], ['0.5', '1e400']),
  document(
    'parseHello',
    (given) => parseHello(z.object({ generation: z.string().max(64) }), given as MirrorHello),
    ['BAD_REQUEST'],
    [{ generation: 'a1b2', address: '10.0.0.1', port: 7800 }],
  ),
  {
    ...{ name: 'optionalBytesOf', covers: ['optionalBytesOf'], takes: 'bytes' },
    parse: (head: Buffer) => optionalBytesOf(head),
    throws: ['MEMORY_STREAM_FAILED'],
    corpus: [captured('xen-4.17.7/migration-stream-head.bin').subarray(0, 64)],
  },
  {
    ...{ name: 'decodeWord', covers: ['decodeWord'], takes: 'bytes' },
    parse: (sector: Buffer) => decodeWord(sourceWordSchema, sector),
    throws: ['BAD_REQUEST'],
    corpus: [
      encodeWord({
        ...{ role: 'source', session: 1, state: 'syncing', outOfSyncBytes: 0 },
        ...{ sentBytes: 0, beat: 1 },
      }),
    ],
  },
]

const xenDomain = JSON.parse(capturedText('xen-4.17.7/xl-list-l.json'))[1].config
const { vm } = sample.receiveRequest
const qemuDetails = {
  ...{ machine: 'pc-q35-7.2', cpu: 'qemu64,x2apic=on', networkTypes: { 0: 'user' } },
  boot: { kernel: '/boot/vmlinuz', arguments: 'quiet' },
}

const documents: readonly FuzzedParser[] = [
  document(
    'writeDomainConfiguration',
    (domain) => writeDomainConfiguration({ ...vm, details: { domain } }),
    ['BAD_REQUEST'],
    [xenDomain],
  ),
  document(
    'readDomainConfiguration',
    (domain) => readDomainConfiguration(fieldsOf(domain)),
    [],
    [xenDomain],
  ),
  document(
    'parseDetails',
    (given) => parseDetails({ ...vm, details: fieldsOf(given) }),
    ['BAD_REQUEST'],
    [qemuDetails],
  ),
  document(
    'parseQemuVm',
    parseQemuVm,
    ['BAD_REQUEST'],
    [{ ...vm, accelerator: 'tcg', details: qemuDetails }],
  ),
  document(
    'blockNodeOf',
    (given) =>
      blockNodeOf(
        { slot: 'vda', device: textOf(fieldsOf(given).device), readOnly: false },
        'linux',
      ),
    ['BAD_REQUEST'],
    [
      { device: '/dev/vg0/a' },
      { device: 'nbd+unix:///vm%201?socket=/run/a.sock' },
      { device: 'nbd+unix:///%?socket=/a' },
    ],
  ),
  ...Object.entries({
    parseFileConfiguration,
    parseLvmConfiguration,
    parsePluginConfiguration,
    parseSharedConfiguration,
  }).map(([name, parse]) =>
    document(
      name,
      (given) => parse('sr', given),
      ['SR_UNUSABLE'],
      [
        { directory: '/srv', format: 'raw' },
        { volumeGroup: 'vg0', devices: ['/dev/a'], plugin: '/usr/lib/p' },
      ],
    ),
  ),
]

export const parsers: readonly FuzzedParser[] = [...outputs, ...words, ...documents]

function xmlCall(value: string): string {
  return `<?xml version="1.0"?><methodCall><methodName>VM.get_all</methodName><params><param><value>${value}</value></param></params></methodCall>`
}

async function readAllEvents(all: string): Promise<unknown> {
  async function* chunks() {
    yield new TextEncoder().encode(all)
  }
  const events: string[] = []
  for await (const event of readEventData(chunks())) events.push(event)
  return events
}
