import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { completionScript, type Shell } from './completion.ts'
import { createProgram } from './program.ts'

const program = createProgram((command) => command)
const script = (shell: Shell) => completionScript(program, shell)

/** What bash offers after this line. */
function offered(...words: string[]): string[] {
  const commands = [
    script('bash'),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_crosspool',
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]
  return execFileSync('bash', ['-c', commands.join('\n')], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)
}

describe('bash', () => {
  test('offers the commands', () => {
    expect(offered('crosspool', 'm')).toEqual(['migrate'])
    expect(offered('crosspool', '')).toEqual(
      expect.arrayContaining(['vms', 'vdis', '--json', '--help']),
    )
  })

  test('offers what belongs to the command, after options and arguments too', () => {
    expect(offered('crosspool', 'vdis', 'a')).toEqual(['attach', 'activate', 'adopt'])
    expect(offered('crosspool', '--json', 'vdis', 'de')).toEqual([
      'destroy',
      'deactivate',
      'detach',
    ])
    expect(offered('crosspool', 'migrate', 'database', '--d')).toEqual([
      '--dry-run',
      '--downtime-limit',
      '--detach',
    ])
    expect(offered('crosspool', 'completion', 'z')).toEqual(['zsh'])
  })

  test('does not take a VM called like a command for one', () => {
    expect(offered('crosspool', 'migrate', 'vms', '--t')).toEqual(['--to'])
  })
})

test.each(['zsh', 'fish'] as const)('%s: every command is there', (shell) => {
  const text = script(shell)
  for (const { name, commands } of program.commands.map((command) => ({
    name: command.name(),
    commands: command.commands.map((child) => child.name()),
  }))) {
    for (const word of [name, ...commands].filter((word) => word !== 'help'))
      expect(text).toContain(word)
  }
})

test.each(['bash', 'zsh', 'fish'] as const)('%s itself accepts the script', (shell) => {
  const checked = spawnSync(shell, ['-n'], { input: script(shell), encoding: 'utf8' })
  // A shell that is not on this machine cannot tell.
  if (checked.error) return
  expect(checked.stderr).toBe('')
  expect(checked.status).toBe(0)
})
