import { describe, expect, it } from 'vitest'
import {
  captured,
  type ScriptedCommand,
  scriptedCommands,
} from '../../../test/support/scripted-commands.ts'
import { createLvmVolumeStores } from './index.ts'

const tool = 'lvm-2.03.16'
const unfinished = '11111111-1111-4111-8111-111111111111'
const finished = '22222222-2222-4222-8222-222222222222'
const lvs = { call: 'lvs', stdout: captured(tool, 'lvs.json') }
const noVolumes = { call: 'lvs', stdout: captured(tool, 'lvs-empty.json') }
const vgs = { call: 'vgs', stdout: captured(tool, 'vgs.json') }

function store(
  script: readonly ScriptedCommand[],
  configuration: Readonly<Record<string, unknown>> = { volumeGroup: 'vg0' },
) {
  const commands = scriptedCommands(script)
  return { commands, store: createLvmVolumeStores(commands)({ id: 'sr1', configuration }) }
}

it('refuses a configuration that makes no sense, with the reason', () => {
  expect(() => store([], { volumeGroup: '-rf' })).toThrow(/SR sr1 cannot be used: .*valid LVM name/)
  expect(() => store([], { volumGroup: 'vg0' })).toThrow(/cannot be used/)
})

it('says when the volume group or the thin pool is missing or does not zero', async () => {
  const filter = { call: 'lvmconfig', stdout: captured(tool, 'lvmconfig-filter.txt') }
  const missing = { call: 'lvs', exitCode: 5, stderr: captured(tool, 'lvs-missing.err') }
  await expect(store([filter, missing]).store.open()).rejects.toThrow(
    'there is no volume group vg0',
  )
  const thin = (thinPool: string) => ({ volumeGroup: 'vg0', thinPool })
  const noPool = store([filter, lvs], thin('other'))
  await expect(noPool.store.open()).rejects.toThrow('there is no thin pool other in vg0')
  const careless = { call: 'lvs', stdout: lvs.stdout.replaceAll('"zero":"zero"', '"zero":""') }
  const dirty = store([filter, careless], thin('smcap-pool'))
  await expect(dirty.store.open()).rejects.toThrow('lvchange --zero y vg0/smcap-pool')
  await store([filter, lvs], thin('smcap-pool')).store.open()
})

it("keeps LVM away from our devices, and keeps the administrator's filter", async () => {
  const filter = { call: 'lvmconfig', stdout: 'filter=["r|/dev/sdz|","a|.*|"]\n' }
  const { commands, store: lvm } = store([filter, lvs])
  await lvm.open()
  expect(commands.calls[1]).toContain(
    'devices{ignore_suspended_devices=1 filter=["r|^/dev/drbd|","r|^/dev/mapper/crosspool-|","r|/dev/sdz|"]}',
  )
})

it('goes on with a volume that a crash left without its zeroes', async () => {
  const path = `/dev/vg0/crosspool-${unfinished}`
  const { commands, store: lvm } = store([
    lvs,
    { call: `blkdiscard --force --zeroout ${path}` },
    { call: `lvchange --deltag crosspool-unfinished ${path}` },
  ])
  const volume = await lvm.create(unfinished, 'root disk', 12_583_424)
  expect(volume).toMatchObject({ name: 'root disk', managed: true })
  expect(commands.calls).toHaveLength(3)
})

it('writes no zeroes over a thick volume that a mirror will fill', async () => {
  const { commands, store: lvm } = store([noVolumes, { call: 'lvcreate' }, lvs])
  await lvm.create(finished, 'copy', 12_583_424, { willBeOverwritten: true }).catch(() => {})
  expect(commands.calls[1]).toContain('crosspool-id=')
  expect(commands.calls[1]).not.toContain('crosspool-unfinished')
  expect(commands.calls).toHaveLength(3)
})

it('knows of its own thin pool alone that what is discarded reads as zeroes', async () => {
  const thin = { volumeGroup: 'vg0', thinPool: 'smcap-pool' }
  const activation = { call: 'lvchange' }
  const inPool = await store([lvs, activation], thin).store.attach(finished, 'device')
  expect(inPool.discardsReadAsZeroes).toBe(true)
  const elsewhere = await store([lvs, activation], thin).store.attach(unfinished, 'device')
  expect(elsewhere.discardsReadAsZeroes).toBe(false)
})

it('does not list a volume that is not finished', async () => {
  const listed = await store([lvs]).store.list()
  expect(listed.map(({ id }) => id)).not.toContain(unfinished)
  expect(listed.map(({ id }) => id)).toContain(finished)
})

it('says how much is free when LVM has no space left', async () => {
  const full = { call: 'lvcreate', exitCode: 5, stderr: captured(tool, 'lvcreate-full.err') }
  const creating = store([noVolumes, full, vgs]).store.create('a', 'big', 999_000_000_000)
  await expect(creating).rejects.toMatchObject({
    code: 'SR_FULL',
    details: { sr: 'sr1', freeBytes: 17_062_428_672, neededBytes: 999_000_000_000 },
  })
})

it('refuses a thin volume that its pool could not hold at this moment', async () => {
  const thin = store([lvs], { volumeGroup: 'vg0', thinPool: 'smcap-pool' })
  await expect(thin.store.create('a', 'big', 62_914_560 + 512)).rejects.toMatchObject({
    code: 'SR_FULL',
  })
})

it('says that a volume is in use when LVM refuses for that', async () => {
  const deactivation = {
    call: 'lvchange',
    exitCode: 5,
    stderr: captured(tool, 'lvchange-open.err'),
  }
  await expect(store([lvs, deactivation]).store.detach(finished)).rejects.toMatchObject({
    code: 'BUSY',
  })
  const removal = { call: 'lvremove', exitCode: 5, stderr: captured(tool, 'lvremove-open.err') }
  await expect(store([lvs, removal]).store.destroy(finished)).rejects.toMatchObject({
    code: 'BUSY',
  })
})

it("never deactivates or removes the administrator's volumes", async () => {
  const id = 'OReBkB-tpnI-xjsU-9Kkj-cRDf-660I-ccoOSf'
  await store([lvs]).store.detach(id)
  await expect(store([lvs]).store.destroy(id)).rejects.toMatchObject({ code: 'WRONG_STATE' })
  expect(await store([lvs]).store.attach(id, 'device')).toEqual({
    ...{ path: '/dev/vg0/smcap-root', format: 'raw', discardsReadAsZeroes: false },
  })
})

describe('a fence at boot', () => {
  const id = 'OReBkB-tpnI-xjsU-9Kkj-cRDf-660I-ccoOSf'
  const path = '/dev/vg0/smcap-root'
  const report = (change: (row: string) => string) => ({
    ...{ call: 'lvs' },
    stdout: lvs.stdout.replace(new RegExp(`\\{"lv_uuid":"${id}".*?\\}`), change),
  })
  const isSkipped = (row: string) =>
    row.replace('"lv_skip_activation":""', '"lv_skip_activation":"skip activation"')
  const isOurs = (row: string) =>
    isSkipped(row).replace(/"lv_tags":"[^"]*"/, '"lv_tags":"crosspool-not-at-boot"')

  it('is flag and tag in one change, and goes the same way', async () => {
    const change = (flag: string, tag: string) =>
      `lvchange --setactivationskip ${flag} --${tag} crosspool-not-at-boot ${path}`
    await store([lvs, { call: change('y', 'addtag') }]).store.bootFence?.raise(id)
    await store([report(isOurs), { call: change('n', 'deltag') }]).store.bootFence?.lower(id)
  })

  it('is neither raised nor lowered where its administrator wants the volume to be skipped', async () => {
    const { commands, store: lvm } = store([report(isSkipped), report(isSkipped)])
    await lvm.bootFence?.raise(id)
    await lvm.bootFence?.lower(id)
    expect(commands.calls).toHaveLength(2)
  })

  it('brings back a volume that a boot has left out', async () => {
    const isAway = (row: string) => isOurs(row).replace('"lv_active":"active"', '"lv_active":""')
    const { commands, store: lvm } = store([
      report(isAway),
      { call: `lvchange --activate y --ignoreactivationskip ${path}` },
      { call: `lvchange --setactivationskip n --deltag crosspool-not-at-boot ${path}` },
    ])
    await lvm.bootFence?.lower(id)
    expect(commands.calls).toHaveLength(3)
  })
})
