import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { Diagnosis } from '../../model/diagnosis.ts'
import { diagnosisView } from './diagnosis-view.ts'
import { createStyle, plainStyle } from './style.ts'

const helper = '/sbin/drbdadm is called when a mirror breaks, with the handlers of /etc/drbd.d'
const diagnosis: Diagnosis = {
  ...{ host: 'alpha1', version: '0.1.0', atMs: 0, healthy: false },
  findings: [
    { area: 'daemons', name: 'sm', result: 'passed', seen: 'answers, API 1.0', advice: null },
    { area: 'disks', name: 'DRBD handlers', result: 'warning', seen: helper, advice: 'Mend it.' },
    { area: 'disks', name: 'drbdadm', result: 'failed', seen: 'not there', advice: 'apt' },
  ],
}

test('a row for each check, then how to mend what is not well', () => {
  expect(diagnosisView(diagnosis, plainStyle, null)).toBe(
    [
      '      AREA     WHAT           SEEN',
      'ok    daemons  sm             answers, API 1.0',
      `warn  disks    DRBD handlers  ${helper}`,
      'fail  disks    drbdadm        not there',
      '',
      `warn  disks: DRBD handlers  ${helper}`,
      '      Mend it.',
      '',
      'fail  disks: drbdadm  not there',
      '      apt',
      '',
      'alpha1, Crosspool 0.1.0: 1 failed, 1 warning, 1 ok',
    ].join('\n'),
  )
})

test('on a terminal the rows are as wide as it is, in colour too', () => {
  const [table = ''] = diagnosisView(diagnosis, createStyle(true), 60).split('\n\n')
  const widths = table.split('\n').map((line) => stripVTControlCharacters(line).length)
  expect(Math.max(...widths)).toBe(60)
})
