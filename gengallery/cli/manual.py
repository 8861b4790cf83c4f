"""docs/cli.md, made from the parser: `python -m gengallery.cli.manual > docs/cli.md`."""

import argparse
from collections.abc import Iterator

from gengallery.cli import make_parser


def manual() -> str:
    """Every command with its arguments, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    commands = make_parser().commands()
    yield "# The command line"
    yield "\n<!-- made by `make docs` from gengallery/cli -->\n"
    yield "`gengallery COMMAND`, or `python -m gengallery COMMAND`. An error is one sentence on stderr, with exit"
    yield "code 2; after Ctrl-C it is 130. `gengallery --version` prints the version, and `gengallery COMMAND"
    yield "--help` what is below."
    yield ""
    yield "| command | what it does |"
    yield "|---|---|"
    for choice in commands._choices_actions:
        yield f"| [`{choice.dest}`](#{choice.dest}) | {choice.help} |"
    for name, command in commands.choices.items():
        yield f"\n## {name}\n"
        yield f"{command.description}\n"
        yield "```sh"
        yield from (line.strip() for line in (command.epilog or "").splitlines()[1:])
        yield "```\n"
        yield "| argument | meaning |"
        yield "|---|---|"
        for action in command._actions:
            if not isinstance(action, argparse._HelpAction):
                meaning = (action.help or "") % {**vars(action), "prog": command.prog}
                yield f"| `{_written(action)}` | {meaning} |".replace("\\", "\\\\")


def _written(action: argparse.Action) -> str:
    """An argument as it is typed."""
    metavar = str(action.metavar or action.dest.upper())
    if action.choices is not None and action.metavar is None:
        metavar = " or ".join(map(str, action.choices))
    if not action.option_strings:
        return f"[{metavar}...]" if action.nargs == "*" else f"[{metavar}]" if action.nargs == "?" else metavar
    spelled = ", ".join(action.option_strings)
    return spelled if action.nargs == 0 else f"{spelled} {metavar}"


if __name__ == "__main__":
    print(manual(), end="")
