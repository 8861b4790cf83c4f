"""Families that others bring: registered in the program, or named as an entry point of a package."""

import json
import textwrap
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from conftest import adapted, run_python
from torch import Tensor, nn

import gengallery
from gengallery import families
from gengallery.data import TEST, TRAINVAL
from gengallery.families import Family, cards, family
from gengallery.learners.learner import Descent
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Paper, Recipe
from gengallery.models import autoencoder
from gengallery.priors.noise import NORMAL, Noise
from gengallery.storage import checkpoint
from gengallery.training.run import Run, file_header


@dataclass(frozen=True)
class LinearConfig(Config):
    size: int = 3

    @property
    def latent(self) -> int:
        return self.size


class Linear(Model):
    """The least that a family has to define."""

    family = "linear"
    config_type = LinearConfig
    title = "Linear autoencoder"
    paper = Paper("K. Pearson", "On lines and planes", 1901, "https://doi.org/10.1080/14786440109462720")
    config: LinearConfig

    def __init__(self, config: LinearConfig):
        super().__init__(config)
        self.inward = nn.Linear(config.image.pixels, config.size)
        self.outward = nn.Linear(config.size, config.image.pixels)
        self.prior = Noise(NORMAL, config.size)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return self.inward(images.flatten(1))

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        return torch.sigmoid(self.outward(z)).unflatten(1, self.image.shape)

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        condition = Condition(labels)
        return {"mse": nn.functional.mse_loss(self.decoder(self.encoder(images, condition), condition), images)}


CARD = Card("linear_3", Linear, LinearConfig(3), Recipe(3, batch=64, lr=1e-2), summary="A line.")
FAMILY = Family("linear", Linear, Descent, (CARD,), compared=replace(CARD, name="linear_small"))


@pytest.fixture
def registered(monkeypatch) -> Family:
    monkeypatch.setattr(families, "_registered", {})
    return gengallery.register(FAMILY)


def test_a_registered_family_is_known(registered):
    assert registered is FAMILY
    assert family("linear") is FAMILY
    assert families.families()["linear"] is FAMILY
    assert list(families.families()) == sorted(families.families())
    assert cards()["linear_3"] is CARD
    assert families.compared()["linear"].name == "linear_small"
    assert gengallery.register(FAMILY) is FAMILY  # as when a notebook's cell runs again


def test_it_trains_is_saved_and_loaded(registered, fake_data, tmp_path):
    run = Run(adapted(CARD, fake_data.spec), fake_data.split(TRAINVAL))
    first = next(iter(run.epoch())).losses["mse"]
    while not run.done:
        steps = list(run.epoch())
    assert steps[-1].losses["mse"] < 0.8 * first
    model, losses = run.finish(fake_data.split(TEST))
    path = tmp_path / "linear_3.safetensors"
    checkpoint.write(path, model.state_dict(), file_header(run, losses, "a command"))
    again = gengallery.load(path)
    assert type(again) is Linear
    real = fake_data.split(TEST).images[:2]
    torch.testing.assert_close(again.generate(3), model.generate(3), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(again.reconstruct(real), model.reconstruct(real), rtol=1e-5, atol=1e-5)
    again.save(tmp_path / "other.safetensors")
    found = gengallery.Gallery(tmp_path)
    assert found.list(family="linear") == ["linear_3", "other"]
    assert found.info("linear_3")["summary"] == "A line."
    assert found.info("linear_3")["cost"]["training"] > 0
    with pytest.raises(TypeError, match="label: expected an option that linear_3 has"):
        again.generate(1, label=0)


def test_without_its_family_a_file_is_refused_with_the_cause(registered, tmp_path, monkeypatch):
    Linear(LinearConfig()).eval().save(tmp_path / "x.safetensors")
    monkeypatch.setattr(families, "_registered", {})
    with pytest.raises(gengallery.CheckpointError, match="a family that this version knows; found unknown family"):
        gengallery.load(tmp_path / "x.safetensors")
    assert gengallery.info(tmp_path / "x.safetensors")["family"] == "linear"  # which needs no family


def test_a_name_that_is_taken_is_refused(registered):
    class Other(Linear):
        family = "vae"

    with pytest.raises(ValueError, match="family 'vae': expected a new name, found one that is taken"):
        gengallery.register(Family("vae", Other, Descent))
    with pytest.raises(ValueError, match="family 'linear': expected a new name, found one that is taken"):
        gengallery.register(replace(FAMILY, cards=()))

    class Third(Linear):
        family = "third"

    for name in ("vae_2", "linear_3"):
        taken = replace(CARD, name=name, model=Third)
        with pytest.raises(ValueError, match=f"card '{name}': expected a new name, found one that is taken"):
            gengallery.register(Family("third", Third, Descent, (taken,)))
    assert "third" not in families.families()
    assert family("vae").model is not Other


@pytest.mark.parametrize("support", ["classifier", "wrapped"])
def test_the_names_of_what_is_no_family_are_taken_too(registered, support):
    Other = type("Other", (Linear,), {"family": support})
    with pytest.raises(ValueError, match=f"family '{support}': expected a new name, found one that is taken"):
        gengallery.register(Family(support, Other, Descent))


def test_what_is_no_family_is_refused(registered):
    for bad in (Linear, "linear", None):
        with pytest.raises(ValueError, match=r"family: expected a gengallery\.Family, found"):
            gengallery.register(bad)
    with pytest.raises(ValueError, match="family: expected the model's own name 'linear', found 'other'"):
        Family("other", Linear, Descent)


def test_a_family_of_the_library_may_be_registered_again(registered):
    assert gengallery.register(autoencoder.FAMILY) is autoencoder.FAMILY
    assert family("autoencoder") is autoencoder.FAMILY


# -- entry points


PACKAGE = """
    from dataclasses import dataclass
    from torch import sigmoid
    from gengallery import Family, Model
    from gengallery.learners.learner import Descent
    from gengallery.model.spec import Config, Paper
    from gengallery.nn.inversion import search
    from gengallery.priors.noise import Noise

    @dataclass(frozen=True)
    class GreyConfig(Config):
        latent = 1

    class Grey(Model):
        family, config_type, title, paper = "grey", GreyConfig, "Grey", Paper("", "", 0, "")

        def __init__(self, config):
            super().__init__(config)
            self.prior = Noise("normal", 1)

        def decoder(self, z, condition):
            return sigmoid(z)[:, :, None, None].expand(-1, *self.image.shape)

        def encoder(self, images, condition):
            return search(self.decoder, self.prior, images, condition)

    FAMILY = Family("grey", Grey, Descent)
"""


@pytest.fixture
def site(tmp_path):
    """A folder of packages, in which one that brings a family lies installed."""
    (tmp_path / "their_package.py").write_text(textwrap.dedent(PACKAGE))
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gengallery.families]\ngrey = their_package:FAMILY\n")
    return tmp_path


@pytest.mark.slow
def test_an_entry_point_brings_a_family(site, tmp_path):
    code = """
        import json, sys
        sys.path.insert(0, sys.argv[1])
        import gengallery
        from gengallery.families import families
        import their_package
        path = sys.argv[1] + "/grey_1.safetensors"
        their_package.Grey(their_package.GreyConfig()).save(path)
        model = gengallery.load(path)
        print(json.dumps([list(families()), type(model).__name__, list(model.generate(2).shape)]))
    """
    done = run_python("-c", textwrap.dedent(code), site)
    assert done.returncode == 0, done.stderr
    known, name, shape = json.loads(done.stdout)
    assert known == sorted({*families.families(), "grey"})
    assert (name, shape) == ("Grey", [2, 1, 28, 28])


BROKEN = {
    "unlucky": "raise RuntimeError('no luck')",
    "a_number": "FAMILY = 3",
    "without_its_needs": "import no_such_module",
    "unfinished": "x = (",
}


@pytest.mark.slow
def test_a_broken_entry_point_costs_its_family_and_no_other(site):
    points = [f"{name} = {name}:FAMILY" for name in BROKEN]
    for name, content in BROKEN.items():
        (site / f"{name}.py").write_text(content)
    with (site / "their_package-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write("\n".join(points))
    code = """
        import json, sys, warnings
        sys.path.insert(0, sys.argv[1])
        import gengallery
        from gengallery.families import families
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(json.dumps(sorted(families())))
        print(json.dumps([str(warning.message) for warning in caught]))
        print(gengallery.load("vae_2").name)
    """
    done = run_python("-c", textwrap.dedent(code), site)
    assert done.returncode == 0, done.stderr
    known, said, loaded = done.stdout.splitlines()
    assert json.loads(known) == sorted({*families.families(), "grey"})
    said_of = ("no luck", "expected a gengallery.Family, found int", "no_such_module", "never closed")
    for name, cause in zip(BROKEN, said_of, strict=True):
        (one,) = [message for message in json.loads(said) if f"the family {name}:FAMILY is left out" in message]
        assert cause in one
    assert loaded == "vae_2"
