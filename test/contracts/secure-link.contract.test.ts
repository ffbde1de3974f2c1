import { describeContract } from './describe-contract.ts'
import { type LinkHost, type SecureLinkFixture, secureLinkCases } from './secure-link.cases.ts'
import { createSimulatedBlockHosts, type SimulatedBlockHost } from './simulated-block-hosts.ts'

function linkHost(host: SimulatedBlockHost): LinkHost {
  let links = host.makeLinks()
  return {
    get links() {
      return links
    },
    address: host.address,
    async restart() {
      links = host.makeLinks()
    },
    reaches: async (address) => host.reaches(address),
  }
}

describeContract(
  'simulated secure links',
  secureLinkCases,
  async (): Promise<SecureLinkFixture> => {
    const { hosts } = createSimulatedBlockHosts()
    let names = 0
    return {
      hosts: [linkHost(hosts[0]), linkHost(hosts[1])],
      newName() {
        names += 1
        return `link-${names}`
      },
      dispose: async () => {},
    }
  },
)
