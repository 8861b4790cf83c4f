"""Make the report again: its tables, measured now beside its own figures, and its pictures.

    python scripts/report.py --out report
    python scripts/report.py --families            half an hour; on a machine that does nothing else
    python scripts/report.py --families --redraw

Writes `report.md` and the report's figures 2 to 20 as PNG into a folder. With --families instead the comparison of
families at equal size and equal time (families.py): what it measures goes to docs/families.json, and from there into
docs/families.md and its plots; --redraw measures nothing. Needs the data set, unless it only draws, and for the plots
pip install '.[report]'.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import gengallery
from gengallery import data
from gengallery.data import TEST, TRAIN, Split
from gengallery.evaluate import Bench, mean_losses
from gengallery.files import write_atomically
from gengallery.images import as_images, enlarge, sheet
from gengallery.model import LatentStatistics, Model, latent_grid

DOCS = Path(__file__).resolve().parent.parent / "docs"
FIRST_FIGURE = 2  # the report's own count; its Figure 1 is a drawing
ROW = 10  # images side by side
SIDE = 20  # images along each side of a latent matrix
SCALE = 3
DIGITS = {"mse": 4, "reconstruction": 2, "kl": 3, "total": 2, "generator": 3, "discriminator": 3}


@dataclass(frozen=True)
class Figure:
    """A picture of the report: what it shows, and its grey levels (H, W)."""

    caption: str
    pixels: np.ndarray


def figures(splits: dict[str, Split]) -> Iterator[Figure]:
    """The report's pictures, in its order: GANs, autoencoders, variational autoencoders, latent matrices."""
    gans = sound("gan")
    # The report has one image for each experiment; ten show what one can't, whether they are all alike.
    rows = torch.cat([gengallery.load(name).generate(ROW) for name in gans])
    yield Figure(f"Ten images by each GAN, from seed 0. Rows: {', '.join(gans)}.", tiles(rows))
    for family in ("autoencoder", "vae"):
        # The report shows the two-dimensional autoencoder as latent matrices only.
        names = [name for name in sound(family) if (family, gengallery.info(name)["latent"]) != ("autoencoder", 2)]
        for name in names:
            for half, split in splits.items():
                originals = as_images(split.images[:ROW])
                pair = torch.cat([originals, gengallery.load(name).reconstruct(originals)])
                yield Figure(f"{name}: images of the {half} set above, their reconstructions below.", tiles(pair))
        for name in names:
            yield Figure(f"{name}: ten images from its prior, seed 0.", tiles(gengallery.load(name).generate(ROW)))
    yield matrix("vae_2", "[-1, 1] squared", (-1, 1, -1, 1))
    yield matrix("ae_2", "[-1, 1] squared, mostly where no data is", (-1, 1, -1, 1))
    yield matrix("ae_2", "mean ± 2 standard deviations of the encoded training set", around(gengallery.load("ae_2")))


def sound(family: str) -> list[str]:
    """The family's models that are no exhibits."""
    return [name for name in gengallery.list_models(family) if not gengallery.info(name)["exhibit"]]


def tiles(images: Tensor) -> np.ndarray:
    """Rows of ten."""
    return enlarge(sheet(images, ROW), SCALE)


def around(model: Model) -> tuple[float, float, float, float]:
    """The rectangle of two standard deviations around the encoded data: x from, x to, y from, y to."""
    statistics = model.statistics
    assert isinstance(statistics, LatentStatistics)
    reach = 2 * statistics.covariance.diagonal().sqrt()
    (x_min, y_min), (x_max, y_max) = (statistics.mean - reach).tolist(), (statistics.mean + reach).tolist()
    return x_min, x_max, y_min, y_max


def matrix(name: str, where: str, area: tuple[float, float, float, float]) -> Figure:
    """The decoded grid over a rectangle of the latent space of `name`."""
    images = gengallery.load(name).decode(latent_grid(*area, SIDE))
    shown = "x from {:.2f} to {:.2f}, y from {:.2f} to {:.2f}".format(*area)
    return Figure(f"{name}: latent matrix over {where}: {shown}.", enlarge(sheet(images, SIDE, gap=0), 2))


def tables(splits: dict[str, Split]) -> Iterator[str]:
    """A table for each family, as Markdown: losses on train and test beside the report's."""
    families = {gengallery.info(name)["family"]: None for name in gengallery.list_models()}
    for family in families:
        names = gengallery.list_models(family)
        losses = {name: measured(name, splits) for name in names}
        terms = list(losses[names[0]][TEST])
        head = [
            "model",
            "latent",
            *(f"{term}, {half}" for term in terms for half in ("report", *splits)),
            "training, s",
        ]
        yield f"## {gengallery.load(names[0]).title}\n"
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for name in names:
            card = gengallery.info(name)
            cells = [name + (" (exhibit)" if card["exhibit"] else ""), str(card["latent"])]
            for term in terms:
                of_term = [card["reported"].get(term), *(losses[name][half][term] for half in splits)]
                cells += ["" if value is None else f"{value:.{DIGITS.get(term, 4)}f}" for value in of_term]
            yield "| " + " | ".join([*cells, f"{card['training']['seconds']:.0f}"]) + " |"
        if family == "gan":
            yield (
                "\nThe losses of a GAN are a contest between two networks, and the discriminator is not kept: these "
                "were measured at the end of training. They tell a breakdown (a generator's loss above 5, a "
                "discriminator's near 0) and not how good the images are."
            )
        yield ""


def measured(name: str, splits: dict[str, Split]) -> dict[str, dict[str, float]]:
    """The losses of the model `name` on each half, measured now; its file's where that takes more than the model."""
    model = gengallery.load(name)
    now = {half: mean_losses(model.losses, split) for half, split in splits.items()}
    return now if all(now.values()) else gengallery.info(name)["losses"]


def png(pixels: np.ndarray) -> bytes:
    """Grey levels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def write_report(out: Path, splits: dict[str, Split]) -> None:
    """The tables, the figures and the page that holds them."""
    lines = [
        "# The report's models, measured\n",
        "Losses on the whole training and test sets of Fashion-MNIST, by the report's definitions: `mse` is a mean "
        "over pixels; `reconstruction` is the grey cross-entropy summed over pixels, with one sample of the latent; "
        "`kl` is summed over latents; both in nats, means over images. Beside them stand the report's own figures. "
        "Training seconds are wall-clock time as the weight files record it; scripts/bench.py measures them "
        "without other work beside.\n",
        *tables(splits),
        "## Figures\n",
    ]
    for number, figure in enumerate(figures(splits), FIRST_FIGURE):
        name = f"figure_{number:02}.png"
        write_atomically(out / name, png(figure.pixels))
        lines += [f"**Figure {number}.** {figure.caption}\n", f"![{figure.caption}]({name})\n"]
    write_atomically(out / "report.md", "\n".join(lines).encode())


def compare_families(out: Path, root: Path | None, redraw: bool, only: list[str], moments: list[float]) -> None:
    """The page that compares the families, and what it is made of. Raises ModuleNotFoundError without matplotlib."""
    import families
    import matplotlib  # noqa: F401  # so that half an hour of measuring is not in vain

    if not redraw:
        settings = families.Settings(tuple(moments)) if moments else families.Settings()
        found = families.measure(Bench(root), settings, only)
        families.record(families.merged(families.read(out), found) if only else found, out)
    families.draw(families.read(out), out)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the report's tables and figures again, measured now.")
    parser.add_argument("--data", type=Path, help=f"folder of the data set (default: ${data.VARIABLE}, else the cache)")
    parser.add_argument("--out", type=Path, help="folder to write into (default: report; docs for --families)")
    parser.add_argument("--families", action="store_true", help="only compare the families")
    parser.add_argument("--redraw", action="store_true", help="of --families: draw what was measured before")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAMILY", help="of --families: measure these anew")
    parser.add_argument("--moments", nargs="+", type=float, default=[], metavar="S", help="of --families, in seconds")
    options = parser.parse_args()
    if (options.redraw or options.only or options.moments) and not options.families:
        parser.error("--redraw, --only and --moments go with --families")
    torch.set_num_threads(2)
    try:
        if options.families:
            out = options.out or DOCS
            compare_families(out, options.data, options.redraw, options.only, options.moments)
            print(out / "families.md")
        else:
            out = options.out or Path("report")
            write_report(out, {half: data.load(half, options.data) for half in (TRAIN, TEST)})
            print(out / "report.md")
    except ModuleNotFoundError as error:
        sys.exit(f"report.py: {error}: pip install '.[report]' in the checkout")
    except (OSError, ValueError) as error:
        sys.exit(f"report.py: {error}")


if __name__ == "__main__":
    main()
