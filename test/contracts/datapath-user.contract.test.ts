import { setTimeout } from 'node:timers/promises'
import { describeDatapathContract } from './datapath.contract.ts'
import { createTestLink } from './test-link.ts'
import { createUserDatapathHost } from './user-datapath-hosts.ts'

describeDatapathContract('datapath of storage daemons', async () => {
  const link = createTestLink()
  const [source, target] = await Promise.all([
    createUserDatapathHost('s', link),
    createUserDatapathHost('t', link),
  ])
  let ids = 0
  return {
    ...{ source, target, deadlineMs: 15_000 },
    newId() {
      ids += 1
      return `mirror-${ids}`
    },
    cutLink: async () => link.cut(),
    mendLink: async () => link.mend(),
    pause: () => setTimeout(200),
    async dispose() {
      await Promise.all([source.dispose(), target.dispose()])
      link.close()
    },
  }
})
