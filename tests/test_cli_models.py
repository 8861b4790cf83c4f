"""`gengallery evaluate`, `verify` and `demo`: what they say; what they measure and show is tested with the library."""

import json
import re
import sys
from types import SimpleNamespace

import pytest

import gengallery
from gengallery.cli import serving
from gengallery.storage import checkpoint

# -- evaluate and verify


@pytest.fixture
def measured(monkeypatch):
    """Neither data nor models: figures that are the same for all."""
    from gengallery.evaluation import scorecard

    found = SimpleNamespace(figures={"frechet": 12.3456, "memorised": 0.0})

    def verify(name, reference, figures, gallery):
        assert (reference is None) == (not figures)
        if name == "ae_16":
            raise scorecard.VerificationError("ae_16.safetensors: expected the figure kernel 1, found 2")

    monkeypatch.setattr("gengallery.cli.evaluation._reference", lambda options, gallery: "the reference")
    monkeypatch.setattr(scorecard, "record", lambda name, reference, gallery: found)
    monkeypatch.setattr(scorecard, "verify", verify)


def test_evaluate_prints_what_it_records(measured, output):
    lines = output("evaluate", "ae_2", "vae_2").splitlines()
    assert [re.sub(r"\d+ s", "0 s", line) for line in lines] == [
        "ae_2: frechet 12.35, memorised 0.00% (0 s)",
        "vae_2: frechet 12.35, memorised 0.00% (0 s)",
    ]


def test_evaluate_as_json_has_figures_in_full(measured, run):
    code, out, err = run("evaluate", "vae_2", "--json")
    assert code == 0 and json.loads(out) == {"vae_2": {"frechet": 12.3456, "memorised": 0.0}}
    assert err.startswith("vae_2: ")


@pytest.mark.parametrize("options", [(), ("--no-figures",)])
def test_verify_names_all_that_are_not_as_recorded(options, measured, run):
    code, out, err = run("verify", "--all", *options)
    assert code == 2
    assert len(out.splitlines()) == len(gengallery.list_models())
    assert "ae_16: NOT as recorded: ae_16.safetensors: expected the figure kernel 1, found 2\n" in out
    count = len(gengallery.list_models())
    assert err.splitlines()[-1] == f"gengallery: 1 of {count} models are not as their files say: ae_16"
    code, out, _ = run("verify", "ae_2", "ae_16", "--json", *options)
    assert code == 2 and {name: found["ok"] for name, found in json.loads(out).items()} == {
        "ae_2": True,
        "ae_16": False,
    }


def test_verify_without_figures_needs_no_data(output, monkeypatch, tmp_path):
    monkeypatch.setenv("GENGALLERY_DATA", str(tmp_path))
    assert re.fullmatch(r"vae_2: as recorded \(\d+ s\)\n", output("verify", "vae_2", "--no-figures"))


def test_a_gallery_of_other_data_asks_for_it(error, two_models):
    saved = checkpoint.read(two_models / "ae_2.safetensors")
    image = {**saved.header["config"]["image"], "dataset": "photos"}
    header = {**saved.header, "config": {**saved.header["config"], "image": image}}
    checkpoint.write(saved.path, saved.tensors, header)
    says = "--data: expected the folder or file of 'photos', which is no named data set"
    assert error("evaluate", "ae_2", "--gallery", two_models) == says
    assert error("reconstruct", "ae_2", "--gallery", two_models) == says


# -- demo


def test_the_demo_says_what_to_install(error, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    says = "the demo needs Gradio, which is not installed: pip install 'gengallery[demo]'"
    assert error("demo") == says


def test_a_file_that_fails_is_told_with_its_line(error, tmp_path):
    (tmp_path / "mine.py").write_text("import math\n\nmath.nothing()\n")
    assert error("demo", "--with", "mine.py") == (
        "mine.py, line 3: AttributeError: module 'math' has no attribute 'nothing'"
    )
    (tmp_path / "mine.py").write_text("a = 1\nb = (\n")
    assert error("demo", "--with", "mine.py").startswith("mine.py, line 2: SyntaxError: ")


def test_the_demo_shows_the_models_of_a_file(output, tmp_path, monkeypatch, two_models):
    (tmp_path / "helper.py").write_text("SIZE = 3\n")
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "import gengallery\n"
        "from helper import SIZE\n"
        "def decode(z):\n"
        "    return torch.sigmoid(z).mean(1)[:, None, None, None].expand(-1, *gengallery.default_spec().shape)\n"
        "gengallery.wrap('grey', latent=SIZE, decode=decode)\n"
    )
    found = {}

    def launch(**options):
        found.update(options=options, names=gengallery.list_models())
        return "http://127.0.0.1:1234/"

    def wait():
        found["waited"] = True

    page = SimpleNamespace(launch=launch, wait=wait)
    monkeypatch.setattr(serving.signal, "signal", lambda *_: None)
    monkeypatch.setattr(serving, "import_module", lambda name: page)
    monkeypatch.setattr(serving, "_page", lambda: "page")
    monkeypatch.setattr(sys, "path", [*sys.path])
    said = output("demo", "--with", "mine.py", "--gallery", two_models, "--host", "0.0.0.0", "--port", 1234)
    assert said == "The gallery is open at http://127.0.0.1:1234/ until Ctrl-C.\n"
    assert found["names"] == ["ae_2", "grey", "vae_2"] and found["waited"]
    expected = {"server_name": "0.0.0.0", "server_port": 1234, "prevent_thread_lock": True, "quiet": True}
    assert found["options"] == expected
    sys.modules.pop("helper", None)
