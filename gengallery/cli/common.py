"""What several commands share: how arguments are parsed, and those that more than one command has."""

import argparse
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from gengallery.gallery import VARIABLE, default
from gengallery.threads import THREADS

if TYPE_CHECKING:
    import torch

    from gengallery.data import Dataset, ImageSpec
    from gengallery.model.model import Model

Options: TypeAlias = argparse.Namespace
TYPES = ("float32", "bfloat16", "float64")  # of weights


class Parser(argparse.ArgumentParser):
    """A parser that keeps the lines of its texts, takes no shortened options, and reports an error in one line."""

    def __init__(self, **settings: Any):
        settings = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False, **settings}
        super().__init__(**settings)

    def command(self, name: str) -> "Parser":
        """The parser of the command `name`."""
        return self.commands().choices[name]

    def commands(self) -> "Commands":
        """What holds the parsers of the commands."""
        return next(action for action in self._actions if isinstance(action, argparse._SubParsersAction))

    def error(self, message: str) -> NoReturn:
        """Exit with 2, and `message` on stderr."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Parser]


def add_command(commands: "Commands", name: str, run: Any, about: str, example: str) -> Parser:
    """A new command: what runs it, what it does, and lines that show it at work."""
    lines = "".join(f"\n  {line}" for line in example.splitlines())
    parser = commands.add_parser(name, help=about, description=about, epilog=f"Example:{lines}")
    parser.set_defaults(run=run)
    parser.add_argument(
        "--gallery",
        metavar="FOLDER",
        help=f"folder of the files of weights (default: ${VARIABLE}, else the models that come with gengallery)",
    )
    return parser


def add_names(parser: Parser, what: str) -> None:
    """NAME..., or --all in their place."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"models to {what}, one after another")
    parser.add_argument("--all", action="store_true", help=f"{what} every model")


def add_json(parser: Parser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON, with all figures in full")


def add_device(parser: Parser, types: bool = False) -> None:
    """--device, and --dtype with `types`."""
    parser.add_argument("--device", default="cpu", help="where to compute: cpu, cuda, cuda:1, mps (default: cpu)")
    if types:
        parser.add_argument("--dtype", choices=TYPES, help="type of the weights (default: float32)")


def add_threads(parser: Parser, default: int | None = THREADS, named: str = str(THREADS)) -> None:
    """--threads, by `default` as many as `named` says."""
    parser.add_argument(
        "--threads", type=int, default=default, metavar="N", help=f"threads of torch on the CPU (default: {named})"
    )


def add_seed(parser: Parser, what: str) -> None:
    """--seed."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=f"seed of {what} (default: 0)")


def add_data(parser: Parser, default: str) -> None:
    """--data."""
    parser.add_argument(
        "--data",
        metavar="NAME_OR_PATH",
        help="data set: a known one by its name, such as mnist; a folder of pictures or of IDX files; or an .npz file "
        f"(default: {default})",
    )


def add_keywords(parser: Parser) -> None:
    """--label, --guidance and --steps, the options of a model's calls."""
    parser.add_argument(
        "--label",
        action="append",
        metavar="CLASS",
        help="class of the images, by name or number; given several times, the images take turns",
    )
    parser.add_argument("--guidance", type=float, metavar="W", help="how strictly to follow the class; 1 is as learned")
    parser.add_argument("--steps", type=int, metavar="N", help="how many steps to take, of a model that takes steps")


def chosen(options: Options, known: Iterable[str]) -> list[str]:
    """The models that `add_names` was given. Raises ValueError for none, and for names beside --all."""
    if options.all == bool(options.names):
        raise ValueError("expected either names of models or --all")
    return list(known) if options.all else list(dict.fromkeys(options.names))


def load(options: Options) -> "Model":
    """The model that the options name, where and as they say."""
    import torch

    kind: torch.dtype | None = getattr(torch, options.dtype) if options.dtype else None
    return default().load(options.name, device=device(options.device), dtype=kind)


def keywords(options: Options, model: "Model", n: int) -> dict[str, Any]:
    """The options of the model's calls that were given, for `n` images. Raises ValueError for one it does not take."""
    given = {"label": options.label, "guidance": options.guidance, "steps": options.steps}
    found = {name: value for name, value in given.items() if value is not None}
    for name in found:
        if name not in model.options.names:
            takes = " and ".join(f"--{option}" for option in model.options.names) or "none of these options"
            raise ValueError(
                f"--{name}: expected an option that {model.name} has, which takes {takes}; "
                f"`gengallery list --option {name}` names the models that take it"
            )
    if "label" in found:
        classes = [_class(text, model.image) for text in found["label"]]
        found["label"] = [classes[index % len(classes)] for index in range(n)]
    return found


def _class(text: str, image: "ImageSpec") -> str | int:
    """A class as it was given: a name if there is one like it, else a number."""
    return int(text) if text.isdecimal() and text not in image.classes else text


def device(name: str) -> "torch.device":
    """The device of that name. Raises ValueError if torch knows none, or if it is not here."""
    import torch

    try:
        found = torch.device(name)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        here = [kind for kind, there in (("cuda", torch.cuda), ("mps", torch.backends.mps)) if there.is_available()]
        raise ValueError(
            f"--device: expected one that is here ({', '.join(['cpu', *here])}), found {name!r}"
        ) from error
    if found.type == "meta":
        raise ValueError("--device: expected one that computes, found 'meta'")
    return found


def data_for(image: "ImageSpec", given: str | None) -> "Dataset":
    """The data set that was `given`, else that which `image` is of, brought to images like it. Raises ValueError if
    that is none of the named ones."""
    from gengallery.data import dataset, dataset_names

    if given is None and image.dataset not in dataset_names():
        raise ValueError(f"--data: expected the folder or file of {image.dataset!r}, which is no named data set")
    return dataset(image.dataset if given is None else given, size=image.height, channels=image.channels)


@contextmanager
def using_gallery(folder: str | os.PathLike[str] | None) -> Iterator[None]:
    """Have `folder`, if one is given, as the default gallery. Raises ValueError if there is no such folder."""
    if folder is None:
        yield
        return
    if not Path(folder).expanduser().is_dir():
        raise ValueError(f"--gallery: expected a folder, found none at {str(folder)!r}")
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(Path(folder).expanduser())
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
