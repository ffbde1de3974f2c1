import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { completionScript, type Shell } from './completion.ts'
import { createProgram } from './program.ts'

const program = createProgram((command) => command)
const script = (shell: Shell) => completionScript(program, shell)

/** What stands in for the command, and so for the daemons. */
const daemon = `crosspool() {
  case "$*" in
    'complete vms') printf '%s\\n' database web 'mail server' ;;
    'complete hosts') printf '%s\\n' alpha/alpha1 beta/beta1 ;;
    'complete srs') printf '%s\\n' fast ;;
    'complete vms operations') printf '%s\\n' database o-1 ;;
    *) echo "asked for $*" ;;
  esac
}`

/** What bash offers after this line. */
function offered(...words: string[]): string[] {
  const commands = [
    script('bash'),
    daemon,
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

  test('asks the daemons for names', () => {
    expect(offered('crosspool', 'vms', 'show', '')).toEqual(
      expect.arrayContaining(['database', 'web', 'mail\\ server', '--json']),
    )
    expect(offered('crosspool', 'migrate', 'd')).toEqual(['database'])
    expect(offered('crosspool', 'watch', 'o')).toEqual(['o-1'])
    expect(offered('crosspool', 'migrate', 'web', '--to', '')).toEqual([
      'alpha/alpha1',
      'beta/beta1',
    ])
    expect(offered('crosspool', 'vdis', 'move', 'data', '--to', '')).toEqual(['fast'])
  })

  test('asks for none where none is wanted', () => {
    expect(offered('crosspool', 'migrate', '--dr')).toEqual(['--dry-run'])
    expect(offered('crosspool', 'srs', 'create', 'f')).toEqual([])
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

/** What a shell makes of these lines; null: it is not on this machine and cannot tell. */
function told(shell: Shell, lines: readonly string[], ...options: string[]): string | null {
  // From a file, since fish takes no script from a socket.
  const folder = mkdtempSync(join(tmpdir(), 'crosspool-completion-'))
  const file = join(folder, 'script')
  writeFileSync(file, lines.join('\n'))
  const { error, stdout, stderr, status } = spawnSync(shell, [...options, file], {
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true })
  if (error) return null
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout
}

test('zsh asks the daemons for names', () => {
  const given = ['compdef() { }', '_describe() { }', `compadd() { print -l -- "\${(@P)2}" }`]
  const lines = ['words=(crosspool vms show "")', 'CURRENT=4', '_crosspool']
  const stdout = told('zsh', [...given, script('zsh'), daemon, ...lines])
  if (stdout !== null) expect(stdout).toBe('database\nweb\nmail server\n')
})

test('fish asks the daemons for names', () => {
  const answer = 'function crosspool; test "$argv" = "complete hosts"; and echo beta/beta1; end'
  const stdout = told('fish', [answer, script('fish'), "complete -C 'crosspool migrate web --to '"])
  if (stdout !== null) expect(stdout).toContain('beta/beta1')
})

test.each(['bash', 'zsh', 'fish'] as const)('%s itself accepts the script', (shell) => {
  told(shell, [script(shell)], '-n')
})
