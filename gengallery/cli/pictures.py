"""`gengallery generate`, `reconstruct` and `grid`: images of a model, as pictures or as arrays."""

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery.cli.common import (
    Options,
    Parser,
    add_command,
    add_data,
    add_device,
    add_keywords,
    add_seed,
    data_for,
    keywords,
    load,
)
from gengallery.data.opening import clocked, opened
from gengallery.storage.checkpoint import SUFFIX
from gengallery.storage.files import write_atomically

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from gengallery.cli.common import Commands
    from gengallery.model.model import Model

PNG, GIF, NPY, NPZ = ".png", ".gif", ".npy", ".npz"
FRAMES, MILLISECONDS, HELD = 24, 80, 1200  # of a path through the latents; of a frame; of the last of a model's steps
ACROSS = 8  # originals side by side
RANGES = {
    "data": "the middle 95 %% of the encoded test images",
    "deviations": "mean ± 2 standard deviations of the encoded training images",
    "square": "[-1, 1]",
}
EDGES = ("x_min", "x_max", "y_min", "y_max")


def add(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = add_command(
        commands,
        "generate",
        generate,
        "Draw images from a model.",
        "gengallery generate vae_2\n"
        "gengallery generate flow --label 0 --label 1 --steps 20 --gif\n"
        "gengallery generate r3gan --count 1000 --out samples.npz",
    )
    _add_model(parser)
    parser.add_argument("--count", "-n", type=int, default=16, metavar="N", help="images to draw (default: 16)")
    add_seed(parser, "the images")
    add_keywords(parser)
    parser.add_argument(
        "--gif",
        action="store_true",
        help="write a GIF: of a model that takes steps, each step; of others, a path from latent to latent and back",
    )
    _add_output(parser, "NAME.png, or NAME.gif with --gif", (PNG, GIF, NPY, NPZ))

    parser = add_command(
        commands,
        "reconstruct",
        reconstruct,
        "Send images through a model's latents: each original, and below it what is left.",
        "gengallery reconstruct ae_16\ngengallery reconstruct vae_2 shoe.jpg shirt.png --out both.png",
    )
    _add_model(parser)
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="pictures, or .npy and .npz files of them (default: test images)"
    )
    parser.add_argument("--count", "-n", type=int, default=16, metavar="N", help="test images (default: 16)")
    add_data(parser, "that of the model")
    add_keywords(parser)
    _add_output(parser, "NAME-reconstructions.png", (PNG, NPY, NPZ))

    parser = add_command(
        commands,
        "grid",
        grid,
        "Decode a grid of the latents of a model that has two: x grows to the right, y upwards.",
        "gengallery grid vae_2\ngengallery grid ae_2 --range square --side 30 --y-max 4 --out ae_2.png",
    )
    _add_model(parser)
    parser.add_argument(
        "--range",
        choices=RANGES,
        default="data",
        help=f"{'; '.join(f'{name}: {meaning}' for name, meaning in RANGES.items())} (default: data)",
    )
    for edge in EDGES:
        parser.add_argument(
            f"--{edge.replace('_', '-')}", type=float, metavar="X", help="in place of that edge of the range"
        )
    parser.add_argument("--side", type=int, default=20, metavar="N", help="images along each side (default: 20)")
    add_keywords(parser)
    _add_output(parser, "NAME-grid.png", (PNG, NPY, NPZ))


def _add_model(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a model, or the path of a file of weights")


def _add_output(parser: Parser, default: str, kinds: tuple[str, ...]) -> None:
    meanings = {
        PNG: "a sheet",
        GIF: "frames",
        NPY: "the images, (n, C, H, W) in [0, 1]",
        NPZ: "these and their latents",
    }
    meant = "; ".join(f"{kind}: {meanings[kind]}" for kind in kinds)
    parser.add_argument("--out", metavar="FILE", help=f"file to write, by its ending {meant} (default: {default})")
    parser.add_argument("--scale", type=int, default=4, metavar="N", help="side of a pixel in a picture (default: 4)")
    add_device(parser, types=True)
    parser.set_defaults(kinds=kinds)


# -- the commands


def generate(options: Options) -> None:
    """Draw images, and write them."""
    out = _target(options, _stem(options) + (GIF if options.gif else PNG))
    if options.gif and out.suffix.lower() != GIF:
        raise ValueError(f"--gif: expected a file that ends in {GIF}, found {str(out)!r}")
    n, seed = options.count, options.seed
    model = load(options)
    said = keywords(options, model, n)
    if out.suffix.lower() == GIF:
        frames = _frames(model, n, seed, said)
        held = MILLISECONDS if model.options.steps is None else HELD  # a path is closed, and has no end
        _write_gif(out, [_sheet(frame, _columns(n), options.scale) for frame in frames], held)
        print(f"{out}: {len(frames)} frames of {n} images by {model.name}")
        return
    images = model.generate(n, seed, **said)
    arrays: dict[str, Any] = {"latents": model.sample(n, seed)}
    if model.options.label:
        from gengallery.data import as_labels

        arrays["labels"] = as_labels(said["label"], n, model.image) if "label" in said else model.labels(n, seed)
    _write(out, images, _columns(n), options.scale, arrays)
    print(f"{out}: {n} images by {model.name}, of seed {seed}")


def reconstruct(options: Options) -> None:
    """Reconstruct images, and write both."""
    import torch

    from gengallery.data import as_images

    out = _target(options, f"{_stem(options)}-reconstructions{PNG}")
    model = load(options)
    if options.images:
        originals = torch.cat([as_images(_read(Path(path)), model.image) for path in options.images])
    else:
        if options.count < 1:
            raise ValueError(f"--count: expected 1 or more, found {options.count}")
        images = data_for(model.image, options.data).split("test").images[: options.count]
        originals = as_images(images, model.image)
    n = len(originals)
    said = keywords(options, model, n)
    images = model.reconstruct(originals, **said)
    rows = [part for pair in zip(originals.split(ACROSS), images.split(ACROSS), strict=True) for part in pair]
    blank = torch.ones(1, *model.image.shape)
    columns = min(n, ACROSS)
    shown = torch.cat([torch.cat([row, blank.expand(columns - len(row), -1, -1, -1)]) for row in rows])
    if out.suffix.lower() == PNG:
        _write(out, shown, columns, options.scale)
    else:
        _write(
            out, images, columns, options.scale, {"originals": originals, "latents": model.encode(originals, **said)}
        )
    error = (images - originals).square().mean().item()
    print(f"{out}: {n} images and their reconstructions by {model.name}, mean squared error {error:.4f}")


def grid(options: Options) -> None:
    """Decode a grid of latents, and write it."""
    from gengallery.model.latents import latent_grid

    out = _target(options, f"{_stem(options)}-grid{PNG}")
    if not 1 <= options.side <= 200:
        raise ValueError(f"--side: expected a whole number from 1 to 200, found {options.side}")
    model = load(options)
    if model.config.latent != 2:
        raise ValueError(f"expected a model with 2 latents, found {model.name}, which has {model.config.latent:,}")
    area = _area(options, model)
    z = latent_grid(*area, options.side)
    images = model.decode(z, **keywords(options, model, len(z)))
    _write(out, images, options.side, options.scale, {"latents": z}, gap=0)
    x_min, x_max, y_min, y_max = area
    print(f"{out}: {options.side} × {options.side} latents of {model.name}, ", end="")
    print(f"x from {x_min:.4g} to {x_max:.4g}, y from {y_min:.4g} to {y_max:.4g}")


# -- what they show


def _area(options: Options, model: "Model") -> tuple[float, float, float, float]:
    """The edges of the grid: x from and to, y from and to."""
    import torch

    given = [getattr(options, edge) for edge in EDGES]
    if options.range == "square" or None not in given:
        edges = [-1.0, 1.0, -1.0, 1.0]
    else:
        statistics = model.statistics
        positions = None if statistics is None else statistics.shown()[0].float().cpu()
        if statistics is None or positions is None or not len(positions):
            raise ValueError(f"--range: {model.name} does not know where data lies; give --range square, or all edges")
        if options.range == "data":
            low, high = torch.quantile(positions, torch.tensor([0.025, 0.975]), dim=0)
        else:
            mean = statistics.mean.float().cpu()
            reach = 2 * statistics.covariance.float().cpu().diagonal().sqrt()
            low, high = mean - reach, mean + reach
        edges = [float(low[0]), float(high[0]), float(low[1]), float(high[1])]
    x_min, x_max, y_min, y_max = (now if now is not None else edge for now, edge in zip(given, edges, strict=True))
    for axis, least, most in (("x", x_min, x_max), ("y", y_min, y_max)):
        if not (math.isfinite(least) and math.isfinite(most) and least < most):
            raise ValueError(f"--{axis}-min: expected less than --{axis}-max, found {least:g} and {most:g}")
    return x_min, x_max, y_min, y_max


def _frames(model: "Model", n: int, seed: int, said: dict[str, Any]) -> "list[Tensor]":
    """Batches (n, C, H, W), one a frame: the steps of a model that takes them, else a path from each latent to that of
    the next seed, and back."""
    import torch

    from gengallery.model.latents import latent_path

    if model.options.steps is not None:
        return list(model.stream(n, seed, **said))
    if model.options.label and "label" not in said:
        said = {**said, "label": model.labels(n, seed)}
    ends = zip(model.sample(n, seed), model.sample(n, seed + 1), strict=True)
    paths = torch.stack([latent_path(start, end, FRAMES, arc=True) for start, end in ends])  # (n, FRAMES, d)
    there = [model.decode(paths[:, frame], **said) for frame in range(FRAMES)]
    return [*there, *there[-2:0:-1]]


def _columns(n: int) -> int:
    return max(1, math.ceil(math.sqrt(n)))


# -- files


def _stem(options: Options) -> str:
    """The name of the model, from its name or path."""
    return Path(options.name).name.removesuffix(SUFFIX)


def _target(options: Options, default: str) -> Path:
    """The file to write. Raises ValueError for an ending that the command does not write, and for a bad scale."""
    out = Path(options.out or default).expanduser()
    if out.suffix.lower() not in options.kinds:
        raise ValueError(f"--out: expected a file that ends in {', '.join(options.kinds)}; found {str(out)!r}")
    if not 1 <= options.scale <= 64:
        raise ValueError(f"--scale: expected a whole number from 1 to 64, found {options.scale}")
    return out


def _read(path: Path) -> Any:
    """What `as_images` takes: the picture or the array in the file at `path`."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    if path.suffix.lower() not in (NPY, NPZ):
        content = clocked(path)
        try:
            picture = Image.open(content)
            picture.load()
            return picture
        except UnidentifiedImageError as error:
            raise ValueError(f"{path}: expected a picture, found a file of another kind") from error
        except Exception as error:  # PIL has no one kind for what it can't read
            raise ValueError(f"{path}: expected a picture, found one that can't be read ({error})") from error
    try:
        with opened(path) as (file, _):
            found = np.load(file, allow_pickle=False)
            if path.suffix.lower() == NPY:
                return found
            with found:
                return found["images" if "images" in found.files else found.files[0]]
    except (ValueError, EOFError, IndexError, AttributeError) as error:
        raise ValueError(f"{path}: expected an array of images, found none ({error})") from error


def _write(
    out: Path, images: "Tensor", columns: int, scale: int, arrays: "dict[str, Tensor] | None" = None, gap: int = 2
) -> None:
    """Write `images` as the ending of `out` says, whole or not at all; in an .npz file, `arrays` stand beside them."""
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    match out.suffix.lower():
        case ".png":
            Image.fromarray(_sheet(images, columns, scale, gap)).save(file, "PNG")
        case ".npy":
            np.save(file, images.numpy())
        case _:
            beside: dict[str, Any] = {name: array.numpy() for name, array in (arrays or {}).items()}
            np.savez_compressed(file, images=images.numpy(), **beside)
    write_atomically(out, file.getvalue())


def _write_gif(out: Path, frames: "list[NDArray[Any]]", held: int) -> None:
    """Write `frames` as a picture that moves, without end; the last one stays for `held` milliseconds."""
    from PIL import Image

    first, *rest = map(Image.fromarray, frames)
    file = io.BytesIO()
    durations = [*[MILLISECONDS] * len(rest), held]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    write_atomically(out, file.getvalue())


def _sheet(images: "Tensor", columns: int, scale: int, gap: int = 2) -> "NDArray[Any]":
    from gengallery.data import enlarge, sheet

    return enlarge(sheet(images, columns, gap), scale)
