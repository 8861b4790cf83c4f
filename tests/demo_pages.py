"""What the tests of the page share: addresses, what they mean, and what stands in the page."""

from urllib.parse import parse_qsl, urlparse

import demo_panels
import numpy as np
from conftest import pixels
from playwright.sync_api import expect

import gengallery
from demo.shared import models, originals
from demo.tabs.explore import view as latent
from demo.tabs.generate import view as generate
from demo.tabs.learning import view as learning
from demo.tabs.memory import view as memory
from demo.tabs.morph import view as morph
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer

GAN, FLAT = models.noise_models()[0], latent.flat_models()
PICTURE = originals.picture_as_text(gengallery.load(GAN).generate(1, 3))
GUIDED, STEPPING = steer.first_guided(), steer.stepping_models()[0]
CANVAS = "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 == 0))"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def shown(page, name):
    """The pictures of a panel in the page, row by row, as grey levels."""
    return [[pixels(image) for image in row.locator("img").all()] for row in page.locator(f"#{name} .row").all()]


def shows(page, name, panel):
    """Whether exactly the pictures of `panel` stand in the page's element `name`, once they are there."""
    rows = page.locator(f"#{name} .row")
    expect(rows).to_have_count(len(panel.rows), timeout=30_000)
    expect(page.locator(f"#{name} .row.awaited")).to_have_count(0, timeout=60_000)
    first = rows.first.locator("img")
    expect(first).to_have_count(len(panel.rows[0].pictures))
    for found, row in zip(shown(page, name), panel.rows, strict=True):
        grey = row.pictures if row.pictures.ndim == 3 else row.pictures[..., 0]
        if not np.array_equal(found, grey):
            return False
    return True


def query(page) -> dict[str, str]:
    """What the address says."""
    return dict(parse_qsl(urlparse(page.evaluate("location.href")).query))


def python_of(page, name) -> str:
    return page.locator(f"#{name} code").first.text_content()


TOLD = {  # what an address says
    "generate": {
        "models": "ae_2,gan_dim_16", "count": "3", "seed": "7", "model": "gan_dim_16", "noises": "normal,raw uniform",
        "stretch": "1.5",
    },
    "reconstruction": {
        "models": "ae_2,vae_2", "source": "Training set", "kind": "Sandal", "count": "2", "seed": "11",
        "damage": "Noise", "amount": "0.25", "errors": "false",
    },
    "reconstruction of yours": {"models": "vae_2", "source": "Your picture", "picture": PICTURE, "errors": "true"},
    "morph": {
        "models": "vae_2", "source_a": "The model's own", "seed_a": "5", "source_b": "Your picture",
        "picture_b": PICTURE, "path": "Along an arc", "less": "Coat", "plus": "Dress", "strength": "0.7",
    },
    "steer": {
        "models": ",".join(steer.labelled_models()[:2]), "kind": "Sandal", "seed": "8", "guided": GUIDED,
        "label": "Coat", "stepping": STEPPING, "steps": "4",
    },
    "memory": {"model": "vae_2", "count": "2", "seed": "9"},
    "learning": {"model": gengallery.list_histories()[-1], "epochs": "2", "count": "3", "seed": "4"},
}  # fmt: skip
MEANT = {
    "generate": lambda: generate.same_seed(["ae_2", "gan_dim_16"], 3, 7),
    "reconstruction": lambda: demo_panels.reconstructions(
        ["ae_2", "vae_2"], originals.TRAIN, "Sandal", 2, 11, None, reconstruction.NOISE, 0.25, False
    ),
    "reconstruction of yours": lambda: demo_panels.reconstructions(
        ["vae_2"], originals.YOURS, originals.ANY_CLASS, 1, 0, PICTURE, reconstruction.NOTHING, 0, True
    ),
    "morph": lambda: demo_panels.morphs(
        ["vae_2"], morph.SAMPLE, 5, None, originals.YOURS, 0, PICTURE, morph.ARC, "Coat", "Dress", 0.7
    ),
    "steer": lambda: demo_panels.classes(steer.labelled_models()[:2], "Sandal", 8),
    "memory": lambda: memory.memorised("vae_2", 2, 9),
    "learning": lambda: learning.learning(gengallery.list_histories()[-1], 2, 3, 4),
}
