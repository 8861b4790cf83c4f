"""The command line: `gengallery COMMAND`, and `python -m gengallery COMMAND`.

A file of this package holds a group of commands: `add` gives them their arguments and names the function that runs
them. What takes long to import, torch and numpy among it, is imported in these functions, so that `gengallery list` and
`--help` answer at once.
"""

import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gengallery
from gengallery.cli import evaluation, listing, pictures, serving, training
from gengallery.cli.common import Parser, using_gallery
from gengallery.text import harmless
from gengallery.threads import wait_passively

GROUPS = (listing, pictures, training, evaluation, serving)
FAILED, INTERRUPTED = 2, 130  # exit codes; 130 is 128 and the number of SIGINT, as shells have it


def make_parser(prog: str = "gengallery") -> Parser:
    """The parser of the whole command line."""
    parser = Parser(prog=prog, description="A gallery of generative models of small images.")
    parser.add_argument("--version", action="version", version=f"gengallery {gengallery.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for group in GROUPS:
        group.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None, prog: str = "gengallery", command: str | None = None) -> int:
    """Run the command line on `arguments`, those of the process unless given; returns the exit code.

    0 if all went well, 2 after an error, which is one sentence on stderr, and 130 if it was interrupted. `prog` is what
    it is called in what it says. With `command`, the arguments are that command's alone, as those of a script are.
    """
    wait_passively()
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser, again = make_parser(prog), prog.split()
    if command is not None:
        parser, again = parser.command(command), ["python", sys.argv[0]]
        parser.prog = prog
    options = parser.parse_args(given)
    options.again = [*again, *given]
    before = _on_termination(_interrupt)
    try:
        with using_gallery(options.gallery):
            options.run(options)
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (OSError, ValueError, ArithmeticError, ImportError, MemoryError) as error:
        print(f"{prog}: {_sentence(error)}", file=sys.stderr)
        return FAILED
    except RuntimeError as error:  # torch has no other kind for it on the CPU
        if "memory" not in str(error):
            raise
        print(f"{prog}: {_sentence(error)}", file=sys.stderr)
        return FAILED
    finally:
        _on_termination(before)
    return 0


def _on_termination(handler: Any) -> Any:
    """Have `handler` called when the process is told to end; returns what was before."""
    try:
        return signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)
    except ValueError:  # not in the main thread, which alone may
        return None


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _sentence(error: BaseException) -> str:
    """What `error` says, on one line, of the command line rather than of Python."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{Path(os.fsdecode(error.filename))}: {error.strerror}"
    text = harmless(text)  # a path may be anything
    text = re.sub(r"gengallery\.list_models\(\)", "`gengallery list`", " ".join(text.split()))
    return re.sub(r"gengallery\.list_models\(option='(\w+)'\)", r"`gengallery list --option \1`", text)
