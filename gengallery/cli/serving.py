"""`gengallery demo` and `gengallery space`: the gallery in a browser, here or on a Hugging Face Space."""

import shutil
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import gengallery
from gengallery.cli.common import Options, add_command
from gengallery.gallery import HERE, HISTORY, default
from gengallery.storage.checkpoint import SUFFIX

if TYPE_CHECKING:
    from gengallery.cli.common import Commands

REQUIRED = ("numpy", "pillow", "safetensors", "torch", "torchvision", "tqdm")  # as in pyproject.toml
LEFT_OUT = ("__pycache__", ".*", "node_modules", "tests", "package*.json", "tsconfig.json", "weights", "demo")
SPACE = """---
title: {title}
emoji: 🖼️
colorFrom: indigo
colorTo: pink
sdk: gradio
{version}app_file: app.py
license: mit
short_description: Small generative models, side by side
---

A gallery of {count} small generative models, made with gengallery {release}: {names}.
"""
APP = '''"""The gallery on a Space."""

from gengallery.demo.page import demo, launch

__all__ = ["demo"]

if __name__ == "__main__":
    launch()
'''


def add(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = add_command(
        commands,
        "demo",
        demo,
        "Open the gallery in a browser, until Ctrl-C.",
        "gengallery demo\ngengallery demo --gallery gallery-photos --with my_model.py --port 8000",
    )
    parser.add_argument(
        "--host", help="address to listen at; 0.0.0.0 for all (default: $GRADIO_SERVER_NAME, else 127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="port to listen at (default: $GRADIO_SERVER_PORT, else the first free one from 7860)",
    )
    parser.add_argument(
        "--with",
        dest="script",
        metavar="FILE.py",
        help="Python file to run first, which may wrap models and register families and data sets",
    )

    parser = add_command(
        commands,
        "space",
        space,
        "Put the gallery with its weights on a Hugging Face Space; needs pip install 'gengallery[hub]' and a login.",
        "hf auth login\ngengallery space my-gallery --gallery gallery-photos",
    )
    parser.add_argument(
        "name", metavar="NAME", help="the Space, as NAME or OWNER/NAME; it is made if it does not exist"
    )
    parser.add_argument("--private", action="store_true", help="only its owner may see it")


# -- in a browser


def demo(options: Options) -> None:
    """Serve the demo until it is interrupted. Raises ValueError without Gradio, OSError if the port is taken."""
    if find_spec("gradio") is None:
        raise ValueError("the demo needs Gradio, which is not installed: pip install 'gengallery[demo]'")
    if options.script:
        _run(Path(options.script))
    if not default().list():
        raise ValueError(f"{default().folder}: expected files of weights, found none that is sound")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # while it starts; it removes its temporary files
    page = import_module(_page())
    given = {"server_name": options.host, "server_port": options.port}
    address = page.launch(**{k: v for k, v in given.items() if v is not None}, prevent_thread_lock=True, quiet=True)
    print(f"The gallery is open at {address} until Ctrl-C.", flush=True)
    page.wait()


def _page() -> str:
    """The module of the page: in an installed gengallery a part of it, in a checkout beside it."""
    if (HERE / "demo").is_dir():
        return "gengallery.demo.page"
    if not (HERE.parent / "demo" / "page.py").is_file():
        raise ValueError(f"expected the demo beside {HERE}, found none; install gengallery anew")
    sys.path.insert(0, str(HERE.parent))
    return "demo.page"


def _run(path: Path) -> None:
    """Run the Python in the file at `path`, whose folder it may import from. Raises ValueError if it fails."""
    import runpy
    import traceback

    if not path.is_file():
        raise ValueError(f"--with: expected a Python file, found none at {str(path)!r}")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        runpy.run_path(str(path), run_name="__gengallery__")
    except Exception as error:  # whatever is wrong in somebody's own file
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = lines[-1] if lines else getattr(error, "lineno", None)
        raise ValueError(f"{path}, line {line}: {type(error).__name__}: {error}") from error


# -- on a Space


def space(options: Options) -> None:
    """Upload the package, the demo and the weights to a Space. Raises ValueError if it can't be."""
    import tempfile

    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise ValueError(
            "the upload needs huggingface_hub, which is not installed: pip install 'gengallery[hub]'"
        ) from error
    api = HfApi(library_name="gengallery")
    with tempfile.TemporaryDirectory(prefix="gengallery-") as temporary:
        folder = Path(temporary)
        fill_space(folder, options.name.rpartition("/")[2])
        try:
            made = api.create_repo(
                options.name, repo_type="space", space_sdk="gradio", private=options.private or None, exist_ok=True
            )
            api.upload_folder(
                repo_id=made.repo_id,
                repo_type="space",
                folder_path=folder,
                commit_message="The gallery, by gengallery space",
                delete_patterns="gengallery/**",  # what an earlier upload had and this one has not
            )
        except Exception as error:  # of the network, the login, the name, the quota: there is no one kind
            why = str(error).strip() or type(error).__name__
            raise ValueError(
                f"expected to upload to the Space {options.name!r}, found: {why}; log in with `hf auth login`"
            ) from error
    print(made.url)


def fill_space(folder: Path, title: str) -> None:
    """Write into `folder` what a Space of that title is made of: package, demo, weights, and what it installs."""
    gallery = default()
    names = gallery.list()
    if not names:
        raise ValueError(f"{gallery.folder}: expected files of weights, found none that is sound")
    beside = HERE.parent / "demo"
    package = folder / "gengallery"
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(HERE, package, ignore=ignored)
    shutil.copytree(HERE / "demo" if (HERE / "demo").is_dir() else beside, package / "demo", ignore=ignored)
    for path in [*map(_file, names), gallery.classifier]:
        if path.is_file():
            _copy(path, package / "weights" / path.name)
    for name in gallery.histories():
        _copy(gallery.folder / HISTORY / f"{name}{SUFFIX}", package / "weights" / HISTORY / f"{name}{SUFFIX}")
    versions = {name: found for name in ("gradio", *REQUIRED) if (found := _version(name))}
    pinned = [f"{name}=={version}\n" for name, version in versions.items() if name in REQUIRED]
    (folder / "requirements.txt").write_text("".join(pinned), encoding="utf-8")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    about = {
        "title": title,
        "version": f"sdk_version: {versions['gradio']}\n" if "gradio" in versions else "",
        "count": len(names),
        "names": ", ".join(names),
        "release": gengallery.__version__,
    }
    (folder / "README.md").write_text(SPACE.format(**about), encoding="utf-8")


def _file(name: str) -> Path:
    return Path(default().info(name)["path"])


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def _version(package: str) -> str | None:
    """The release of an installed package, without what tells its build apart, such as +cpu."""
    from importlib import metadata

    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None
