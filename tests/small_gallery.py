"""What the tests of scorecards share: a small gallery with a classifier, little data, and figures of few samples."""

from dataclasses import replace
from pathlib import Path

from gengallery import data, gallery
from gengallery.data import sources
from gengallery.evaluation import classifier, reference, scorecard
from gengallery.evaluation import figures as figures_module
from gengallery.evaluation.classifier import ClassifierConfig
from gengallery.storage import checkpoint
from gengallery.training.run import Run, file_header

KINDS = ("ae_2", "gan_dim_8", "vae_2")  # reconstructs; searches; has a posterior
FEATURES = 16  # of the classifier here
N, DRAWS, WEIGHED = 120, 5, 30
OF_SAMPLES = {"frechet", "kernel", "precision", "recall", "density", "coverage", "entropy", "nearest", "memorised"}


def write_classifier(folder: Path, fake: data.Dataset, seed: int = 0) -> None:
    """A classifier that has learned nothing, which is as good here as any."""
    card = replace(classifier.CARD, config=ClassifierConfig((4, 8, FEATURES), image=fake.spec))
    run = Run(card, fake.split(data.TRAINVAL), seed=seed)
    checkpoint.write(folder / "classifier.safetensors", run.model.state_dict(), file_header(run, {}, "a command"))


def small_gallery(tmp_path: Path, fake_data: data.Dataset, monkeypatch) -> Path:
    """The folder of a gallery of KINDS, which nobody measured, and a classifier; it is the default one."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in KINDS:
        saved = checkpoint.read(gallery.SHIPPED / f"{name}.safetensors")
        header = {key: value for key, value in saved.header.items() if key != "scorecard"}
        checkpoint.write(folder / f"{name}.safetensors", saved.tensors, header)
    write_classifier(folder, fake_data)
    monkeypatch.setenv(gallery.VARIABLE, str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (reference, scorecard):
        monkeypatch.setattr(module, "COUNT", N)
    monkeypatch.setattr(figures_module, "WEIGHED", WEIGHED)
    monkeypatch.setattr(figures_module, "DRAWS", DRAWS)
    monkeypatch.setitem(sources._registered, data.DEFAULT, fake_data)  # in the place of what the models are for
    return folder
