/**
 * Asks the registry which of the packages that Crosspool ships have known weaknesses. Ends with 1 for
 * one that is high or critical, and with 2 when nobody could be asked: that is no clean result.
 */
import { execa } from 'execa'
import { z } from 'zod'

const answerSchema = z.object({
  metadata: z.object({
    vulnerabilities: z.record(z.string(), z.number()),
    dependencies: z.object({ prod: z.number() }),
  }),
})

const { stdout, stderr } = await execa('npm', ['audit', '--omit=dev', '--json'], {
  ...{ reject: false, timeout: 120_000, cwd: `${import.meta.dirname}/..` },
})
const answer = answerSchema.safeParse(jsonOf(stdout))
if (answer.success) {
  const { vulnerabilities, dependencies } = answer.data.metadata
  const { high = 0, critical = 0, total = 0 } = vulnerabilities
  console.log(
    `${dependencies.prod} packages: ${total} known weaknesses, ${high + critical} serious`,
  )
  process.exitCode = high + critical > 0 ? 1 : 0
} else {
  const why = stderr.split('\n').filter((line) => /audit/.test(line))
  console.error(`NOT AUDITED: the registry could not be asked. ${why.join(' ')}`)
  process.exitCode = 2
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
