import { featureName } from './cpu-feature-names.ts'

/** Feature words (32 bits in hexadecimal) by where CPUID has them: `00000007:00000000.ebx`. */
export type FeatureWords = Readonly<Record<string, string>>

/** Leaves whose registers are feature bits; everything else in a policy is sizes, names and topology. */
const featureRegisters: Readonly<Record<string, readonly Register[]>> = {
  '00000001': ['ecx', 'edx'],
  '00000007:00000000': ['ebx', 'ecx', 'edx'],
  '00000007:00000001': ['eax', 'ebx', 'ecx', 'edx'],
  '00000007:00000002': ['edx'],
  '0000000d:00000001': ['eax'],
  '80000001': ['ecx', 'edx'],
  '80000007': ['edx'],
  '80000008': ['ebx'],
  '80000021': ['eax'],
}

/** AMD's leaf 80000001 repeats these bits of leaf 1, but the maximum policies leave them out there. */
const repeatedBits = 0x0183f3ff

/** MSR_ARCH_CAPABILITIES is 64 feature bits that CPUID has no room for. */
const archCapabilities = '0000010a'

type Register = 'eax' | 'ebx' | 'ecx' | 'edx'
const registers: readonly Register[] = ['eax', 'ebx', 'ecx', 'edx']

const headingPattern = /^(?<name>.+) policy: \d+ leaves, \d+ MSRs$/
const leafPattern =
  /^\s+(?<leaf>[0-9a-f]{8}):(?<subleaf>[0-9a-f]{8}) -> (?<words>[0-9a-f]{8}(:[0-9a-f]{8}){3})$/
const msrPattern = /^\s+(?<index>[0-9a-f]{8}) -> (?<high>[0-9a-f]{8})(?<low>[0-9a-f]{8})$/
const noSubleaf = 'ffffffff'

/**
 * Reads `xen-cpuid -p` and `xen-cpuid -p DOMID`: feature words by policy ("HVM Max", "Domain 3").
 * Leaves that are all zero are not printed, so a missing word means zero.
 */
export function parseCpuPolicies(text: string): ReadonlyMap<string, FeatureWords> {
  const policies = new Map<string, Record<string, string>>()
  let words: Record<string, string> | null = null
  for (const line of text.split('\n')) {
    const name = headingPattern.exec(line)?.groups?.name
    if (name !== undefined) {
      words = {}
      policies.set(name, words)
    }
    const leaf = leafPattern.exec(line)?.groups
    if (leaf !== undefined && words !== null) addLeaf(words, leaf)
    const msr = msrPattern.exec(line)?.groups
    if (msr !== undefined && words !== null) addMsr(words, msr)
  }
  return policies
}

function addLeaf(words: Record<string, string>, leaf: { readonly [key: string]: string }): void {
  const key = leaf.subleaf === noSubleaf ? leaf.leaf : `${leaf.leaf}:${leaf.subleaf}`
  const values = leaf.words?.split(':') ?? []
  for (const register of featureRegisters[key ?? ''] ?? []) {
    const value = values[registers.indexOf(register)]
    addWord(words, `${key}.${register}`, value)
  }
}

function addMsr(words: Record<string, string>, msr: { readonly [key: string]: string }): void {
  if (msr.index !== archCapabilities) return
  addWord(words, 'arch_capabilities.low', msr.low)
  addWord(words, 'arch_capabilities.high', msr.high)
}

function addWord(words: Record<string, string>, word: string, value: string | undefined): void {
  if (value !== undefined && wordOf(value) !== 0) words[word] = value
}

/** The features, by name, that `guest` has and `allowed` has not. */
export function featuresBeyond(guest: FeatureWords, allowed: FeatureWords): readonly string[] {
  return Object.entries(guest).flatMap(([word, bits]) => {
    const ignored = word === '80000001.edx' ? repeatedBits : 0
    const missing = wordOf(bits) & ~wordOf(allowed[word]) & ~ignored
    return bitsOf(missing).map((bit) => featureName(word, bit))
  })
}

function wordOf(bits: string | undefined): number {
  const word = Number.parseInt(bits ?? '0', 16)
  return Number.isNaN(word) ? 0 : word | 0
}

function bitsOf(word: number): readonly number[] {
  return [...Array(32).keys()].filter((bit) => ((word >>> bit) & 1) === 1)
}
