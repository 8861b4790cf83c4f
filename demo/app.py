"""The gallery in a browser: `python demo/app.py`. Blocks and wiring only; views.py makes the pictures.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where it listens, http://127.0.0.1:7860 if they do not.
"""

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)] if importlib.util.find_spec("views") is None else []
if importlib.util.find_spec("gengallery") is None:  # on a Space it is not installed but lies beside this folder
    sys.path.insert(0, str(HERE.parent))
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported: nothing leaves the machine

import browser  # noqa: E402
import checks  # noqa: E402
import gradio as gr  # noqa: E402
import latent  # noqa: E402
import markup  # noqa: E402
import morph as morphing  # noqa: E402
import numpy as np  # noqa: E402
import views  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor  # noqa: E402

import gengallery  # noqa: E402
from gengallery.images import CLASS_NAMES  # noqa: E402

STATIC = HERE / "static"
DECODERS = Path(tempfile.mkdtemp(prefix="gengallery-"))  # what the browser decodes with, made from weights/
atexit.register(shutil.rmtree, DECODERS, ignore_errors=True)
gr.set_static_paths([STATIC, DECODERS])

LIVE = {"trigger_mode": "always_last", "show_progress": "hidden"}
NEW_SEED = "() => Math.floor(Math.random() * 1e6)"
# Whoever presses the name of a group of columns gets it beside the models' names.
JUMP = """element.addEventListener('click', event => {
    const button = event.target.closest('.jump button');
    if (!button) return;
    const box = element.querySelector('.scroll');
    const group = box.querySelectorAll('.over')[[...button.parentElement.children].indexOf(button)];
    const left = group.getBoundingClientRect().left - box.querySelector('[rowspan]').getBoundingClientRect().right;
    box.scrollBy({left, behavior: 'smooth'});
});"""


def refusing(handler):
    """`handler`, whose ValueErrors the visitor gets to read."""

    @wraps(handler)
    def wrapped(*args):
        try:
            return handler(*args)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


@refusing
def gan_variants(variants: list[str], count: int, seed: int) -> tuple[str, np.ndarray]:
    """The same seed through several GANs: the page's HTML, and all pictures as one PNG, a row a GAN."""
    rows = views.gan_variants(variants, count, seed)
    return markup.rows(rows), views.poster(rows)


@refusing
def swap_prior(model: str, noises: list[str], count: int, seed: int) -> tuple[str, np.ndarray]:
    """One GAN on its own noise and on other noise: the page's HTML, and all pictures as one PNG, a row a noise."""
    rows = views.swapped_priors(model, noises, count, seed)
    return markup.rows(rows), views.poster(rows)


@refusing
def reconstruct(
    models: list[str], source: str, count: int, seed: int, upload: Image.Image | None
) -> tuple[str, np.ndarray]:
    """Originals and their reconstructions with the errors: the page's HTML, and all pictures as one PNG."""
    rows, notice = views.reconstructions(models, source, count, seed, upload)
    return markup.rows(rows, notice), views.poster(rows)


@refusing
def from_noise(models: list[str], seed: int) -> tuple[str, np.ndarray]:
    """Ten images of each model from its own prior: the page's HTML, and all pictures as one PNG, a row a model."""
    rows = views.from_noise(models, seed)
    return markup.rows(rows), views.poster(rows)


@refusing
def latent_grid(
    model: str, preset: str, side: int, x_min: float, x_max: float, y_min: float, y_max: float
) -> np.ndarray:
    """A grid of decoded points of a latent space with two dimensions, as one PNG.

    preset is "[-1, 1]", "Mean ± 2 standard deviations", "95 % of the data" or "Your own", for which alone the
    four numbers count.
    """
    return latent.grid(model, preset, side, x_min, x_max, y_min, y_max)


@refusing
def morph(
    models: list[str], source_a: str, seed_a: int, upload_a: Image.Image | None, source_b: str, seed_b: int,
    upload_b: Image.Image | None, path: str, less: str, more: str, strength: float,
) -> tuple[str, np.ndarray]:  # fmt: skip
    """From one garment to another through the latents: the page's HTML, and all pictures as one PNG, a row a model."""
    sources, seeds, uploads = [source_a, source_b], [seed_a, seed_b], [upload_a, upload_b]
    rows, gif = morphing.morphs(models, sources, seeds, uploads, path, less, more, strength)
    return markup.rows(rows) + markup.film(gif), views.poster(rows)


@refusing
def memorised(model: str, count: int, seed: int) -> tuple[str, np.ndarray]:
    """Generated images above their nearest training images: the page's HTML, and all pictures as one PNG."""
    rows, notice = views.memorised(model, count, seed)
    return markup.rows(rows, notice), views.poster(rows)


@refusing
def learning(model: str, moment: int, count: int, seed: int) -> tuple[str, np.ndarray]:
    """What a model could do at a moment of its training, the index of a snapshot: HTML, and all pictures as one PNG."""
    rows = views.learning(model, moment, count, seed)
    return markup.rows(rows), views.poster(rows)


def compare() -> str:
    """Every model in one table, its speed measured now, and the families' pros and cons, as HTML."""
    return markup.comparison(views.comparison())


def show_upload(source: str) -> dict:
    """The box for the visitor's own picture, shown when it is the source."""
    return gr.update(visible=source == views.UPLOAD)


def intro(title: str, text: str) -> None:
    gr.HTML(f'<div class="intro"><h2>{title}</h2><p>{text}</p></div>')


def choices(names: list[str], *marks: str) -> list[tuple[str, str]]:
    """A menu of models, each with those of its `marks` that matter there."""
    return [(" · ".join([name, *(mark for mark in views.marks(name) if mark in marks)]), name) for name in names]


def seed_box() -> gr.Number:
    """A seed, and a button that rolls another in the browser."""
    with gr.Group():
        seed = gr.Number(0, label="Seed", minimum=0, maximum=checks.LARGEST_SEED, step=1)
        another = gr.Button("Another seed", size="sm")
    another.click(None, None, seed, js=NEW_SEED)
    return seed


def count_box() -> gr.Slider:
    return gr.Slider(1, checks.MOST_IMAGES, checks.MOST_IMAGES, step=1, label="How many", buttons=[])


def wall(elem_id: str) -> tuple[gr.HTML, gr.Image]:
    """Where pictures hang, and the same as one picture to keep."""
    page = gr.HTML(elem_id=elem_id)
    with gr.Accordion("Save as one picture", open=False):
        poster = gr.Image(
            format="png", show_label=False, interactive=False, elem_classes="poster", buttons=["download"]
        )
    return page, poster


def more(text: str) -> None:
    with gr.Accordion("More", open=False):
        gr.Markdown(text, latex_delimiters=[{"left": "$", "right": "$", "display": False}])


def gan_tab() -> None:
    intro("One seed, many forgers", "The same noise through every GAN of the gallery, a row each.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            variants = gr.CheckboxGroup(choices(views.gans(), "exhibit"), value=views.gans(), label="Variants")
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("gans")
    inputs: list[Any] = [variants, count, seed]
    gr.on(
        [demo.load, *(c.change for c in inputs)], gan_variants, inputs, [page, poster], api_name="gan_variants", **LIVE
    )

    intro("Swap the prior", "A generator learns one kind of noise. Here it is fed another, from the same seed.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            model = gr.Dropdown(choices(views.gans(), "exhibit"), value=views.gans()[0], label="Generator")
            noises = gr.CheckboxGroup(list(views.NOISES), value=list(views.NOISES), label="Noise to swap in")
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("priors")
    inputs = [model, noises, count, seed]
    gr.on([demo.load, *(c.change for c in inputs)], swap_prior, inputs, [page, poster], api_name="swap_prior", **LIVE)
    more(
        "A generator $G$ turns noise $z$ into an image $G(z)$; a second network, thrown away after training, learned "
        "to tell $G(z)$ from real images. Noise of any distribution will do, as long as it is the one of the training"
        " and of a reasonable size: *standardised* noise is shifted and scaled to mean 0 and variance 1, *raw* noise "
        "is $U(0, 1)$ or $\\mathrm{Poisson}(1)$ as it comes, with a constant offset.\n\nThe **exhibits** are the "
        "report's two failures, trained on raw noise by its own recipe."
    )


def reconstruction_tab() -> None:
    intro(
        "Through the bottleneck",
        "Originals above, under them what is left when a model has kept a few numbers of each.",
    )
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            source = gr.Radio(list(views.SOURCES), value=views.TEST, label="Originals")
            upload = upload_box("Your picture")
            models = gr.CheckboxGroup(
                choices(views.models(), "exhibit", "search"), value=views.encoding_models(), label="Models"
            )
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("reconstructions")
            intro("From noise", "Ten images of each, from nothing but the seed.")
            noise_page, noise_poster = wall("noise")
    source.change(show_upload, source, upload, api_visibility="private", show_progress="hidden")
    inputs: list[Any] = [models, source, count, seed, upload]
    triggers = [demo.load, models.change, count.release, seed.change, source.input, upload.change]
    gr.on(
        triggers, reconstruct, inputs, [page, poster], api_name="reconstruct",
        trigger_mode="always_last", show_progress="minimal", show_progress_on=page,
    )  # fmt: skip
    gr.on(
        [demo.load, models.change, seed.change], from_noise, [models, seed], [noise_page, noise_poster],
        api_name="from_noise", **LIVE,
    )  # fmt: skip
    more(
        "Under each picture stands its error, the mean of $(x - x')^2$ over its 784 pixels, with grey levels in $[0, "
        "1]$.\n\nAutoencoders and variational autoencoders have an **encoder**: one pass, and the same answer each "
        "time (the mean, for the variational ones). A GAN has none. Models marked **search** look for the latent "
        "whose image is nearest, by descending the gradient from several starts: slower, and a good latent rather "
        "than surely the best.\n\nAn autoencoder has no prior of its own either, so it samples from a mixture of "
        "Gaussians fitted to its encoded training set."
    )


def answering(handler):
    """`handler` of one request, a dict of parameters as the page sends it; its answer may be a refusal."""

    def answer(request: Any) -> dict[str, Any]:
        try:
            if not isinstance(request, dict):
                raise ValueError(f"request: expected parameters by name, found {checks.brief(request)}")
            wanted = signature(handler).parameters.keys()
            if request.keys() != wanted:
                raise ValueError(f"request: expected {', '.join(wanted)}; found {checks.brief(list(request))}")
            return handler(**request)
        except ValueError as error:
            return {"error": str(error)}

    answer.__name__ = handler.__name__  # by which the page calls it; its signature stays this one
    return answer


@answering
def plane(model: Any, plane: Any, seed: Any) -> dict[str, Any]:
    return plane_as_json(latent.plane(model, plane, seed))


@answering
def matrix(model: Any, plane: Any, seed: Any, side: Any, area: Any) -> dict[str, Any]:
    return {"image": markup.data_url(latent.matrix(model, plane, seed, area, side).pixels)}


@answering
def decode(model: Any, z: Any) -> dict[str, Any]:
    return {"greys": latent.decode(model, z).ravel().tolist()}


def plane_as_json(found: latent.Plane) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in vars(found).items()}


def address(path: Path) -> str:
    """Where the page finds a file under a static path."""
    return f"gradio_api/file={path}"


def island(name: str, functions: list, **props: Any) -> gr.HTML:
    """A part of the page that lives in the browser: static/NAME.html, which static/NAME.js brings to life."""
    script = (
        f"const at = name => import(new URL(`{address(STATIC)}/${{name}}.js`, document.baseURI));"
        f"Promise.all([at('page'), at('{name}')]).then(async ([page, part]) => {{"
        "    const say = await page.language();"
        "    page.translate(element, say);"
        "    part.start(element, props, server, say);"
        "});"
    )
    template = (STATIC / f"{name}.html").read_text(encoding="utf-8")
    return gr.HTML(elem_id=name, html_template=template, js_on_load=script, server_functions=functions, **props)


def explore_tab() -> None:
    intro(
        "The wardrobe on one page",
        "Move over a map: each model draws what it has there. Click to pin a place; two pins make a morph.",
    )
    files = {}
    for name in latent.encoders():
        path = DECODERS / f"{name}.safetensors"
        files[name] = address(path) if browser.export(views.load(name), path) else None
    models = {
        name: {
            "file": file,
            "plane": plane_as_json(latent.plane(name, "latents", 0)) if name in latent.flat_models() else None,
        }
        for name, file in files.items()
    }
    planes = {
        key: {"title": kind.title, "ranges": kind.ranges, "models": kind.models(), "start": kind.start()}
        for key, kind in latent.KINDS.items()
    }
    island(
        "explore", [plane, matrix, decode], models=models, planes=planes, classes=CLASS_NAMES, colours=markup.COLOURS,
        start=latent.flat_models(), range=latent.DEVIATIONS, ranges=[*latent.RANGES, latent.TRIANGLE],
    )  # fmt: skip
    grid()
    more(
        "Column $i$ and row $j$ of a matrix show the decoder's image of $z = (x_i, y_j)$, with $x$ to the right and "
        "$y$ upwards, both evenly spaced; the dashed rectangle on the map is what the matrix covers. The cursor is at "
        "the same share of the way across each map, since each latent space has a scale of its own. Two of the ranges "
        "depend on the model: the mean of its encoded training set and two standard deviations each way, and the "
        "middle 95 % of its encoded test images along each axis.\n\nAn autoencoder's space has the shape that "
        "training happened to give it, with holes where no data fell; a variational one is pressed towards $N(0, I)$, "
        "so $[-1, 1]$ is its very middle.\n\nA space of more dimensions is cut by a plane $z = o + a\\,d_1 + b\\,d_2$: "
        "along the two **principal directions** of the encoded training set, in its standard deviations; along the "
        "**two latents that tell most** of an image (by their KL from the prior, or where there is none by their "
        "variance); or through the latents of **three images**, at $(0, 0)$, $(1, 0)$ and $(0, 1)$."
    )


def morph_tab() -> None:
    intro("From one to another", "Two garments, and what each model has between them.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            ends = [end_box("A", 0), end_box("B", 1)]
            models = gr.CheckboxGroup(
                choices(views.models(), "exhibit", "search"), value=views.encoding_models(), label="Models"
            )
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("morphs")
            intro("Add and take away", "A direction from one class to another, added all along the way.")
            with gr.Row():
                less = gr.Dropdown([morphing.NO_CLASS, *CLASS_NAMES], value=morphing.NO_CLASS, label="Take away")
                plus = gr.Dropdown([morphing.NO_CLASS, *CLASS_NAMES], value=morphing.NO_CLASS, label="Add")
                strength = gr.Slider(0, 2, 1, step=0.1, label="How much", buttons=[])
            path = gr.Radio(list(morphing.PATHS), value=morphing.STRAIGHT, label="Path")
    inputs: list[Any] = [models, *ends[0], *ends[1], path, less, plus, strength]
    gr.on([demo.load, *(c.change for c in inputs)], morph, inputs, [page, poster], api_name="morph", **LIVE)
    more(
        "A garment $x_A$ becomes a latent $z_A$, by the encoder or a search. **Straight** is "
        "$(1 - t)\\,z_A + t\\,z_B$. **Along an arc**, the angle at the origin grows evenly, and with it the length: "
        "normal noise of many dimensions has nearly always the same length, so that the middle of a straight line is a "
        "place that a GAN or a variational autoencoder has hardly seen.\n\nA **class direction** is the "
        "difference of two means of "
        "encoded training images; *nothing* stands for the mean of all. GANs have no encoder, and so no such "
        "means: for them nothing is "
        "added."
    )


def end_box(side: str, seed: int) -> tuple[gr.Radio, gr.Number, gr.Image]:
    """Where one end of a morph comes from."""
    with gr.Group():
        source = gr.Radio(
            list(morphing.SOURCES), value=morphing.TEST, label=f"From {side}" if side == "A" else f"To {side}"
        )
        number = gr.Number(seed, label=f"Seed of {side}", minimum=0, maximum=checks.LARGEST_SEED, step=1)
        upload = upload_box(f"Picture {side}")
        another = gr.Button("Another", size="sm")
    another.click(None, None, number, js=NEW_SEED)
    source.change(show_upload, source, upload, api_visibility="private", show_progress="hidden")
    return source, number, upload


def upload_box(label: str) -> gr.Image:
    return gr.Image(
        type="pil", image_mode=None, format="png", sources=["upload", "clipboard"], label=label, visible=False,
        height=200,
    )  # fmt: skip


def memory_tab() -> None:
    intro("Has it memorised?", "Images that a model makes up, each above the training images that are nearest to it.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            model = gr.Dropdown(choices(views.models(), "exhibit"), value=views.gans()[0], label="Model")
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("memory")
    inputs: list[Any] = [model, count, seed]
    gr.on([demo.load, *(c.change for c in inputs)], memorised, inputs, [page, poster], api_name="memorised", **LIVE)
    more(
        "Under each neighbour stand its class and its distance $\\lVert x - x' \\rVert_2$ over 784 pixels with grey "
        "levels in $[0, 1]$. A **copy** is an image less than a third as far from its nearest neighbour as from the "
        "second: [Yoon and others, 2023](https://openreview.net/forum?id=shciCbSk9h). *Compare* counts them "
        "among 10,000."
    )


def learning_tab() -> None:
    intro("Watch it learn", "The same noise and the same garments at moments of a training: drag to go through time.")
    names = gengallery.list_histories()
    last = {name: len(views.course(name)) - 1 for name in names}
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            model = gr.Radio(names, value=names[0], label="Model")
            moment = gr.Slider(0, last[names[0]], last[names[0]], step=1, label="Moment", buttons=[])
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page, poster = wall("learning")
    model.change(
        lambda name: gr.update(maximum=last[name], value=last[name]), model, moment, api_visibility="private",
        show_progress="hidden",
    )  # fmt: skip
    inputs: list[Any] = [model, moment, count, seed]
    gr.on([demo.load, *(c.change for c in inputs)], learning, inputs, [page, poster], api_name="learning", **LIVE)
    more(
        "The moments are before training and after 1, 2, 4, 8, ... epochs, as `scripts/train.py --snapshots` kept "
        "them. A GAN has no encoder to reconstruct with, and an autoencoder draws its samples from a distribution "
        "that is fitted when training is over."
    )


def grid() -> None:
    """The matrix for those who come through the API."""
    with gr.Group(visible=False):
        model, preset, side = gr.Textbox(), gr.Textbox(), gr.Number()
        bounds = [gr.Number() for _ in range(4)]
        asked, picture = gr.Button(), gr.Image(format="png")
    asked.click(latent_grid, [model, preset, side, *bounds], picture, api_name="latent_grid")


def compare_tab() -> None:
    intro(
        "Side by side",
        "Every model in one table: what it is, how good its images are beside real ones, and how well it reconstructs.",
    )
    page = gr.HTML(elem_id="compare", js_on_load=JUMP)
    again = gr.Button("Measure again", size="sm", elem_classes="again")
    gr.on([demo.load, again.click], compare, None, page, api_name="compare", **LIVE)
    more(
        "**How good its images are**: 10,000 samples of each model, always of the same seed, against the 10,000 test "
        "images. Both are looked at through a classifier that was trained for this, whose features tell garments "
        "apart; *Nearest* and *Copies* look at the pixels. The last row is the floor: real images "
        "in the samples' place, which are as good as images can be (those of the training; for the last two, of the "
        "test).\n\n**How well it reconstructs**: the test images, for models with an encoder. "
        "*Total* = *Reconstr.* + *KL*, in nats an image: the cross-entropy summed over pixels and the divergence from "
        "the prior, an upper bound on $-\\log p(x)$. *Bound* comes nearer to it, by 500 weighted draws for each of "
        "500 images.\n\n**Other losses** of two sides of a contest say little about the images; lower is not "
        "better.\n\n**Time** is the median of several decodes, taken just now on the machine that runs this page."
    )


TABS = {
    "Explore": explore_tab,
    "Morph": morph_tab,
    "GANs": gan_tab,
    "Reconstruction": reconstruction_tab,
    "Memory": memory_tab,
    "Learning": learning_tab,
    "Compare": compare_tab,
}

with gr.Blocks(title="gengallery", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
    gr.HTML(
        '<header class="title"><h1>gengallery</h1>'
        f"<p>{len(views.models())} models that learned what clothes look like from Fashion-MNIST.</p></header>"
    )
    with gr.Tabs(overflow_behavior="wrap"):
        for tab, build in TABS.items():
            with gr.Tab(tab):
                build()

# Gradio's default weights are 400 and 600, but the file of weight 600 that it brings lacks most letters.
SANS = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
THEME = gr.themes.Base(
    primary_hue="stone",
    secondary_hue="stone",
    neutral_hue="stone",
    radius_size="sm",
    font=[SANS, "ui-sans-serif", "system-ui", "sans-serif"],
)


def launch(**options) -> str:
    """Start the server with the gallery's look, and `options` of Gradio's `launch`; returns its local address."""
    _, url, _ = demo.launch(
        theme=THEME,
        css_paths=[STATIC / "style.css"],
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=True,
        max_file_size="10mb",
        **options,
    )
    return url


if __name__ == "__main__":
    launch()
