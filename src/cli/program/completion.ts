import type { Command } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

interface Word {
  readonly text: string
  readonly description: string
}

/** What can follow `path`, the words of a command without options. */
interface Place {
  readonly path: string
  readonly words: readonly Word[]
}

/** The script that a shell loads. It is made from the command tree and needs nothing else. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program)
  switch (shell) {
    case 'bash':
      return bash(program.name(), places)
    case 'zsh':
      return zsh(program.name(), places)
    case 'fish':
      return fish(program, program.name(), places)
  }
}

function placesOf(program: Command): readonly Place[] {
  const globals = optionWords(program)
  const visit = (command: Command, path: string): Place[] => {
    const children = command.commands.filter((child) => child.name() !== 'help')
    const words = [
      ...children.map((child) => ({
        text: child.name(),
        description: firstLine(child.summary() || child.description()),
      })),
      ...choicesOf(command),
      ...(command === program ? [] : optionWords(command)),
      ...globals,
    ]
    return [
      { path, words },
      ...children.flatMap((child) => visit(child, `${path} ${child.name()}`.trim())),
    ]
  }
  return visit(program, '')
}

function choicesOf(command: Command): Word[] {
  return command.registeredArguments.flatMap(({ argChoices = [] }) =>
    argChoices.map((text) => ({ text, description: '' })),
  )
}

function optionWords(command: Command): Word[] {
  const words = command.options.map(({ long, description }) => ({ text: long ?? '', description }))
  return [...words, { text: '--help', description: 'print the help' }].filter(
    ({ text }) => text !== '',
  )
}

const firstLine = (text: string) => text.split('\n')[0] ?? ''
const texts = (words: readonly Word[]) => words.map(({ text }) => text).join(' ')

/** The words of the line that are commands: what begins with - is no part of the path. */
function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') words='${texts(words)}' ;;`)
  return `# ${name} completion bash; to load: source <(${name} completion bash)
_${name}() {
  local path='' word words='' candidate
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    candidate="\${path:+$path }$word"
    case "$candidate" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') path="$candidate" ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`
}

function zsh(name: string, places: readonly Place[]): string {
  const escaped = (text: string) => text.replace(/'/g, "'\\''").replace(/:/g, '\\:')
  const cases = places.map(({ path, words }) => {
    const described = words.map(
      ({ text, description }) => `'${escaped(text)}:${escaped(description)}'`,
    )
    return `    '${path}') words_here=(${described.join(' ')}) ;;`
  })
  return `#compdef ${name}
# ${name} completion zsh; to load: source <(${name} completion zsh)
_${name}() {
  local place='' word candidate
  local -a words_here
  for word in "\${(@)words[2,CURRENT-1]}"; do
    candidate="\${place:+$place }$word"
    case "$candidate" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') place="$candidate" ;;`)
  .join('\n')}
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  _describe '${name}' words_here || _default
}
compdef _${name} ${name}
`
}

function fish(program: Command, name: string, places: readonly Place[]): string {
  const quote = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
  const globals = new Set(optionWords(program).map(({ text }) => text))
  const lines = places.flatMap(({ path, words }) =>
    words
      .filter(({ text }) => path === '' || !globals.has(text))
      .map(({ text, description }) => {
        const when =
          path === '' && globals.has(text) ? '' : ` -n ${quote(`__${name}_at ${quote(path)}`)}`
        const what = text.startsWith('--') ? `-l ${text.slice(2)}` : `-a ${quote(text)}`
        return `complete -c ${name}${when} ${what} -d ${quote(firstLine(description))}`
      }),
  )
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `# ${name} completion fish; to load: ${name} completion fish | source
function __${name}_at
    set -l place ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        set -l candidate (string trim -- "$place $word")
        if contains -- $candidate ${paths.join(' ')}
            set place $candidate
        end
    end
    test "$place" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`
}
