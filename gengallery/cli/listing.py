"""`gengallery list` and `gengallery info`: what there is. Imports neither torch nor numpy."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gengallery.cli.common import Options, add_command, add_json
from gengallery.gallery import OPTIONS, Gallery, default

if TYPE_CHECKING:
    from gengallery.cli.common import Commands

SHOWN = ("name", "family", "exhibit", "summary", "options", "latent", "parameters", "image", "bytes")  # in JSON


def add(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = add_command(
        commands, "list", list_models, "List the models.", "gengallery list 'vae*'\ngengallery list --option label"
    )
    parser.add_argument(
        "pattern", nargs="?", default="*", metavar="PATTERN", help="only names like this one, such as 'vae*'"
    )
    parser.add_argument("--family", help="only the models of this family, such as gan")
    parser.add_argument("--option", choices=OPTIONS, help="only the models whose calls take this option")
    add_json(parser)
    parser = add_command(
        commands, "info", show, "Show what is known of a model, without loading it.", "gengallery info vae_2"
    )
    parser.add_argument("name", metavar="NAME", help="a model, or the path of a file of weights")
    add_json(parser)


def list_models(options: Options) -> None:
    """Print the models, one a line; on stderr, which files are not sound, and why."""
    gallery = default()
    names = gallery.list(options.pattern, family=options.family, option=options.option)
    for problem in gallery.problems().values():
        print(f"left out: {problem}", file=sys.stderr)
    if not gallery.list():
        raise ValueError(f"{gallery.folder}: expected files of weights, found none that is sound")
    cards = [gallery.info(name) for name in names]
    if options.json:
        print(json.dumps([_short(card) for card in cards], indent=2, ensure_ascii=False))
        return
    rows = [(card["name"], f"{card['parameters']:,}", _distance(card), card["summary"]) for card in cards]
    if sys.stdout.isatty():
        rows.insert(0, ("model", "parameters", "Fréchet", "what it is"))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for name, parameters, distance, summary in rows:
        print(f"{name:{widths[0]}}  {parameters:>{widths[1]}}  {distance:>{widths[2]}}  {summary}")


def _short(card: dict[str, Any]) -> dict[str, Any]:
    figures = card["scorecard"] and card["scorecard"]["figures"]
    return {key: card[key] for key in SHOWN} | {"figures": figures}


def _distance(card: dict[str, Any]) -> str:
    scorecard = card["scorecard"]
    return f"{scorecard['figures']['frechet']:.2f}" if scorecard and "frechet" in scorecard["figures"] else ""


def show(options: Options) -> None:
    """Print what is known of a model."""
    gallery = default()
    card = gallery.info(options.name)
    if options.json:
        print(json.dumps(card, indent=2, ensure_ascii=False))
        return
    print(f"{card['name']}: {card['summary']}\n")
    for title, text in _described(card, gallery):
        print(f"{title:12}{text}")
    if card["notes"]:
        print(f"\n{card['notes']}")
    if card["scorecard"]:
        floor = card["scorecard"]["floor"]
        print("\nFigures, and in brackets those of real images:")
        for name, value in card["scorecard"]["figures"].items():
            real = f"  ({floor[name]:.4g})" if name in floor else ""
            print(f"  {name.replace('_', ' '):16}{value:10.4g}{real}")


def _described(card: dict[str, Any], gallery: Gallery) -> Iterator[tuple[str, str]]:
    """What is said of a model in a line each: title and text."""
    image, paper, training = card["image"], card["paper"], card["training"]
    yield "family", card["family"] + (", kept to show a failure" if card["exhibit"] else "")
    if paper["title"]:
        yield "paper", f"{paper['authors']} ({paper['year']}), {paper['title']}, {paper['url']}"
    size = f"{image['channels']} × {image['height']} × {image['width']}"
    yield "images", f"{size} of {image['dataset'] or 'an unnamed data set'}, {len(image['classes'])} classes"
    yield "latent", f"{card['latent']:,} numbers; prior: {', '.join(map(_worded, card['prior'].items()))}"
    yield "options", ", ".join(card["options"]) or "none"
    yield "parameters", f"{card['parameters']:,}"
    if {"epochs", "seconds", "command"} <= training.keys():
        yield "training", f"{training['epochs']} epochs in {training['seconds']:,.0f} s: {training['command']}"
    for split, losses in card["losses"].items():
        yield f"{split} loss", ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in losses.items())
    if card["path"]:
        yield "file", f"{card['path']}, {card['bytes'] / 1e6:.1f} MB"
    if card["name"] in gallery.histories():
        yield "history", "its training is on record"


def _worded(item: tuple[str, Any]) -> str:
    name, value = item
    return str(value) if name == "kind" else f"{name.replace('_', ' ')} {value}"
