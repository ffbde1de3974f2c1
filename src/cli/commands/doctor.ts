import { diagnose } from '../../support/doctor/diagnose.ts'
import type { ConfigurationFiles } from '../../support/host-state.ts'
import { localHost } from '../../support/local-host.ts'
import type { CliContext } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { diagnosisView } from '../views/diagnosis-view.ts'

export async function doctor(context: CliContext, files: ConfigurationFiles): Promise<ExitCode> {
  const { storage, toolstack, width } = context
  const diagnosis = await diagnose(localHost({ storage, toolstack, files }))
  context.show(diagnosis, (document, style) => diagnosisView(document, style, width))
  return diagnosis.healthy ? exitCodes.done : exitCodes.failed
}
