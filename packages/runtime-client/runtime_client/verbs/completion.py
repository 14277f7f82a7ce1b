"""`ao completion`: what makes a shell complete `ao` and the `ao-*` commands; each asks `ao` itself what fits."""

from enum import StrEnum
from typing import Annotated

from runtime_client.errors import UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument, one_of
from runtime_client.terminal.command_line import print_text
from runtime_client.verbs.all_verbs import VERBS


class Shell(StrEnum):
    """Those that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = """\
_ao() {{
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$(printf '%q' "$line")")
    done < <(ao __complete "${{COMP_WORDS[@]:0:COMP_CWORD+1}}" 2>/dev/null)
}}
complete -o default -F _ao {commands}
"""
_ZSH = """\
#compdef {commands}
_ao() {{
    local -a found
    found=("${{(@f)$(ao __complete "${{(@)words[1,CURRENT]}}" 2>/dev/null)}}")
    if [[ -n "$found" ]]; then
        compadd -Q -- "${{(@q)found}}"
    else
        _files
    fi
}}
compdef _ao {commands}
"""
_FISH = """\
function __ao_complete
    set -l found (ao __complete (commandline -opc) (commandline -ct) 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
for each in {commands}
    complete -c $each -f -a '(__ao_complete)'
end
"""


def main(
    shell: Annotated[str, Argument("SHELL", "bash, zsh or fish.", completes="bash|zsh|fish")],
) -> int:
    """Print what a shell has to read to complete words, sessions and agents.

    In ~/.bashrc: eval "$(ao completion bash)". In ~/.zshrc, after compinit: eval "$(ao completion zsh)".
    In ~/.config/fish/config.fish: ao completion fish | source
    """
    commands = " ".join(["ao", *(verb.script for verb in VERBS.values() if verb.script)])
    text = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}[_shell(shell)]
    print_text(text.format(commands=commands))
    return ExitCode.SUCCESS


def _shell(word: str) -> Shell:
    try:
        return Shell(one_of(Shell)(word))
    except ValueError as cause:
        raise UsageError(f"cannot complete in {word!r}: {cause}") from cause
