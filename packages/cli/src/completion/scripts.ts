// What each shell loads to complete `stillpoint`: it asks `stillpoint __complete`, which answers a line for each
// candidate (word, tab, explanation), or `:files`, `:folders`, `:nospace`. Pure.

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const bash = String.raw`# stillpoint completion for bash: eval "$(stillpoint completion bash)"
_stillpoint() {
  local words current before='' candidate
  # readline breaks words before "@": they are taken from the line itself, and candidates begin where it breaks
  read -ra words <<<"${'$'}{COMP_LINE:0:COMP_POINT}"
  [[ ${'$'}{COMP_LINE:COMP_POINT-1:1} == [[:space:]] ]] && words+=('')
  current=${'$'}{words[${'$'}{#words[@]}-1]}
  [[ $current == *@* ]] && before=${'$'}{current%@*}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :files) compopt -o default ;;
      :folders) compopt -o dirnames ;;
      :nospace) compopt -o nospace ;;
      *) COMPREPLY+=("${'$'}{candidate#"$before"}") ;;
    esac
  done < <("${'$'}{COMP_WORDS[0]}" __complete -- "${'$'}{words[@]:1}" 2>/dev/null)
}
complete -F _stillpoint stillpoint
`;

const zsh = String.raw`#compdef stillpoint
# stillpoint completion for zsh: source <(stillpoint completion zsh)
_stillpoint() {
  local line
  local -a found how
  for line in "${'$'}{(@f)$("${'$'}{words[1]}" __complete -- "${'$'}{(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    case $line in
      :files) _files; return ;;
      :folders) _files -/; return ;;
      :nospace) how=(-S '') ;;
      ?*) found+=("${'$'}{line/$'\t'/:}") ;;
    esac
  done
  _describe stillpoint found $how
}
if [ "$funcstack[1]" = _stillpoint ]; then _stillpoint "$@"; else compdef _stillpoint stillpoint; fi
`;

const fish = String.raw`# stillpoint completion for fish: stillpoint completion fish | source
function __stillpoint_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path (commandline -ct)
      case :folders
        __fish_complete_directories (commandline -ct) ''
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c stillpoint -f -a '(__stillpoint_complete)'
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
