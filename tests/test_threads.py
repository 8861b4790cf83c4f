"""Threads of torch: how they wait, how many a training is given, and on which cores they run."""

import json
import os

import pytest
import torch
from conftest import ROOT, run_python

from gengallery import threads
from gengallery.evaluation import classifier
from gengallery.families import cards
from gengallery.training.run import threads_for

DENSE = {"autoencoder", "gan"}  # families whose networks do not convolve
SAID = "import os, json; print(json.dumps({name: os.environ.get(name) for name in " + repr([*threads.WAITING]) + "}))"
# Says how torch's threads wait at the moment when torch is imported.
WATCH = f"""
import sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            sys.meta_path.remove(self)
            {SAID.replace("; ", chr(10) + "            ")}
sys.meta_path.insert(0, Watch())
"""
COMMAND = WATCH + "from gengallery.cli import main; main(['generate', 'ae_2', '--device', 'nowhere'])"
SCRIPT = WATCH + f"sys.path.insert(0, {str(ROOT / 'scripts')!r}); import common.timing"
DEMO = WATCH + "import demo.page"
DROP_EMPTY = f"""
import os
for name in {[*threads.WAITING]!r}:
    os.environ.get(name) or os.environ.pop(name, None)
"""


def said(code: str, **environment: str) -> dict[str, str | None]:
    """What a fresh Python that runs `code` says of its environment first."""
    done = run_python("-c", DROP_EMPTY + code, **{**dict.fromkeys(threads.WAITING, ""), **environment})
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[0])


@pytest.mark.slow
@pytest.mark.parametrize("code", [COMMAND, SCRIPT, DEMO])
def test_what_is_ours_says_how_to_wait_before_torch_starts(code):
    assert said(code) == threads.WAITING


@pytest.mark.slow
def test_a_users_own_settings_are_kept():
    active = {"OMP_WAIT_POLICY": "ACTIVE"}
    assert said(COMMAND, **active) == {"GOMP_SPINCOUNT": None, **active}
    spun = {"GOMP_SPINCOUNT": "7"}
    assert said(COMMAND, **spun) == {"OMP_WAIT_POLICY": None, **spun}


@pytest.mark.slow
def test_a_program_that_imports_the_library_keeps_its_own():
    code = WATCH + "import gengallery; gengallery.load('ae_2').generate(1)"
    assert said(code) == dict.fromkeys(threads.WAITING)


def test_it_is_too_late_once_torch_is_there(monkeypatch):
    for name in threads.WAITING:
        monkeypatch.delenv(name, raising=False)
    threads.wait_passively()
    assert not any(name in os.environ for name in threads.WAITING)


@pytest.mark.parametrize("name", [*cards(), classifier.CARD.name])
def test_dense_networks_train_on_one_thread(name):
    card = {**cards(), classifier.CARD.name: classifier.CARD}[name]
    assert threads_for(card) == (1 if card.family in DENSE else threads.THREADS)


def test_asking_draws_no_random_numbers():
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    threads_for(cards()["vae_2"])
    assert torch.equal(first, torch.rand(1))


def test_the_number_is_set_for_a_while():
    before = torch.get_num_threads()
    with threads.using_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="--threads: expected 1 or more, found 0"), threads.using_threads(0):
        pass


APART = """
import json, os, sys
import torch
from gengallery.threads import using_threads
tasks = lambda: {int(name): sorted(os.sched_getaffinity(int(name))) for name in os.listdir("/proc/self/task")}
found = []
for apart, count in ((False, 1), (True, 2), (True, 1), (True, 2), (True, 2)):
    with using_threads(count, apart):
        torch.ones(1 << 18).add_(1)
        found.append(sorted(tasks().values()))
found.append(sorted(tasks().values()))
print(json.dumps(found))
"""
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@pytest.mark.slow
@pytest.mark.skipif(len(CORES) < 2 or not threads.TASKS.is_dir(), reason="needs Linux and two cores")
def test_threads_of_a_training_have_cores_of_their_own():
    """Also the second time, and not afterwards."""
    done = run_python("-c", APART)
    assert done.returncode == 0, done.stderr
    alone, first, one, second, third, after = json.loads(done.stdout)
    shares = [CORES[0::2], CORES[1::2]]
    for found in (first, second, third):
        assert [cores for cores in found if cores != CORES] == shares
    for found in (alone, one, after):
        assert all(cores == CORES for cores in found)


@pytest.mark.slow
@pytest.mark.skipif(not CORES or not threads.TASKS.is_dir(), reason="needs Linux")
def test_a_team_that_is_not_known_is_left_alone():
    code = APART.replace("found = []", "found = []\ntorch.set_num_threads(2); torch.ones(1 << 18).add_(1)")
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert all(cores == CORES for found in json.loads(done.stdout) for cores in found)
