"""The demo of other galleries: images of other sizes, in colour, with many classes or none, and models of others."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT

from gengallery.data import ImageSpec
from gengallery.model.spec import Config
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.gan import Gan, GanConfig
from gengallery.models.vae import Vae, VaeConfig

# Builds the page, and draws what each tab shows at first, and a surprise of each; then a card of each model.
WALK = """
import json, sys
import numpy as np
import gengallery, torch
from gengallery.data import ImageSpec
gallery = gengallery.gallery.default()
if sys.argv[1:]:
    shape = gallery.image.shape
    grey = lambda z: torch.sigmoid(z.sum(1)).view(-1, 1, 1, 1).expand(-1, *shape)
    gengallery.wrap("zz_wrapped", latent=2, image=gallery.image, decode=grey)
from importlib import import_module
import demo.page as page
from demo import api, preview
from demo.shared.live import VIEWS
from demo.shared.models import models
from demo.tabs.compare import tab as compare, view
def whole(found):
    if isinstance(found, (str, tuple, list)):
        return found if isinstance(found, str) else "".join(found)
    *_, last = found
    return whole(last)
shown = {}
for name in page.TABS:
    tab = import_module(f"demo.tabs.{name}.tab")
    if hasattr(tab, "draw"):
        values = {key: box.value for key, box in VIEWS[name].inputs.items()}
        shown[name] = [len(whole(tab.draw(*values.values())))]
        surprise = import_module(f"demo.tabs.{name}.view").surprise(np.random.default_rng(0))
        shown[name].append(len(whole(tab.draw(*(values | surprise).values()))))
compare.table.as_json(view.comparison())
cards = [len(compare.card({"model": name})["html"]) for name in models()]
preview.draw()
pictures = [list(api.generate(name, 2, 0).shape) for name in models()]
print(json.dumps({"tabs": list(page.TABS), "shown": shown, "cards": cards, "pictures": pictures, "models": models()}))
"""
COLOUR = ImageSpec(3, 32, 32, tuple(f"kind {k}" for k in range(12)), 0.4, 0.3, "colours")
PLAIN = ImageSpec(1, 16, 16, (), 0.2, 0.3, "plain")


def save(folder, name: str, kind, config: Config, image: ImageSpec) -> None:
    kind(replace(config, image=image)).save(folder / f"{name}.safetensors")


def walk(folder, *arguments: str) -> dict:
    """What the demo of the gallery in `folder` shows, without any data set."""
    environment = os.environ | {"GENGALLERY_WEIGHTS": str(folder), "GENGALLERY_DATA": str(folder / "none")}
    done = subprocess.run(
        [sys.executable, "-c", WALK, *arguments],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_gallery_in_colour_with_twelve_classes_and_a_model_of_somebody_elses(tmp_path):
    save(tmp_path, "ae_8", Autoencoder, AutoencoderConfig(8), COLOUR)
    save(tmp_path, "vae_2", Vae, VaeConfig(2), COLOUR)
    save(tmp_path, "gan_4", Gan, GanConfig(4), COLOUR)
    (tmp_path / "._vae_2.safetensors").write_bytes(b"\0\5\26\7")
    (tmp_path / "broken.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = walk(tmp_path, "wrapped")
    assert found["models"] == ["ae_8", "gan_4", "vae_2", "zz_wrapped"]
    assert found["tabs"] == ["explore", "morph", "generate", "reconstruction", "memory", "compare"]
    assert all(min(sizes) > 1000 for sizes in found["shown"].values())
    assert all(size > 1000 for size in found["cards"])
    assert all(shape[-1] == 3 for shape in found["pictures"])


@pytest.mark.slow
def test_a_gallery_without_classes(tmp_path):
    save(tmp_path, "vae_2", Vae, VaeConfig(2), PLAIN)
    save(tmp_path, "ae_8", Autoencoder, AutoencoderConfig(8), PLAIN)
    found = walk(tmp_path)
    assert found["tabs"] == ["explore", "morph", "reconstruction", "memory", "compare"]
    assert all(min(sizes) > 1000 for sizes in found["shown"].values())
