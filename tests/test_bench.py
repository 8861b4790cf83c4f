"""What scripts/bench.py measures of the library: the races, who is timed and until when; what making images costs."""

import json
import sys

import pytest

import gengallery
from benchmark import busy, library, race
from benchmark.race import Race, Result
from gengallery.model.spec import Options, Recipe

SHORT = Recipe(epochs=3, batch=64, lr=1e-3)


def ae_race(target: float | None):
    return Race("ae_16", SHORT, target, goal=10, keras_epochs=9)


@pytest.fixture
def keras(tmp_path, monkeypatch):
    """Puts a script in the place of the one that trains with Keras: it prints these epochs and the arguments it got."""

    def put(epochs: list[tuple[float, float | None]], code: int = 0) -> None:
        lines = [
            json.dumps({"epoch": i + 1, "seconds": seconds, "test": loss}) for i, (seconds, loss) in enumerate(epochs)
        ]
        script = tmp_path / "keras.py"
        script.write_text(
            "import sys\nprint('a warning of some library')\n"
            f"print({chr(10).join(lines)!r})\nprint(sys.argv[1:], file=sys.stderr)\nsys.exit({code})\n"
        )
        monkeypatch.setattr(race, "KERAS", script)

    return put


def test_ours_stops_at_the_first_epoch_that_is_there(fake_train, fake_test):
    every = race.train_ours(ae_race(0.0), fake_train, fake_test)
    assert (every.epochs, every.reached) == (3, False)
    assert 0 < every.loss < 1 and every.seconds > 0
    there = race.train_ours(ae_race(1.0), fake_train, fake_test)
    assert (there.epochs, there.reached) == (1, True)
    last = race.train_ours(ae_race(every.loss), fake_train, fake_test)  # the same run, and no sooner
    assert (last.epochs, last.loss, last.reached) == (3, every.loss, True)


def test_without_a_target_it_is_an_epoch(fake_train, fake_test):
    finish = race.train_ours(ae_race(None), fake_train, fake_test)
    assert (finish.epochs, finish.loss, finish.reached) == (1, None, True)


def test_keras_is_charged_its_median_epoch_without_the_first(keras, tmp_path):
    keras([(9.0, 0.5), (2.0, 0.4), (4.0, 0.3), (3.0, 0.2)])
    assert race.train_keras(ae_race(0.25), sys.executable, tmp_path, 60) == Result(12.0, 4, 0.2, True)
    assert race.train_keras(ae_race(0.1), sys.executable, tmp_path, 60) == Result(12.0, 4, 0.2, False)
    keras([(9.0, None), (2.0, None), (2.5, None), (2.2, None)])
    assert race.train_keras(ae_race(None), sys.executable, tmp_path, 60) == Result(2.2, 1, None, True)


@pytest.mark.parametrize(("epochs", "code"), [([], 0), ([(1.0, 0.5)], 3)])
def test_keras_that_fails_is_told(epochs, code, keras, tmp_path):
    keras(epochs, code)
    with pytest.raises(RuntimeError, match=r"expected the epochs of Keras, found:\n.*'ae_16', '--epochs', '9'"):
        race.train_keras(ae_race(0.1), sys.executable, tmp_path, 60)


@pytest.mark.parametrize(
    ("our", "their", "says"),
    [
        ((2.0, 3, 0.1, True), (30.0, 9, 0.1, True), "15.0 times (goal 10)"),
        ((2.0, 3, 0.1, True), (30.0, 9, 0.2, False), "more than 15.0 times (goal 10)"),
        ((2.0, 3, 0.2, False), (30.0, 9, 0.1, True), "we did not get there"),
    ],
)
def test_the_outcome(our, their, says):
    line = race.outcome(ae_race(0.15), Result(*our), Result(*their))
    assert line.endswith(f"  {says}") and "to 0.15" in line and "2.0 s (3 epochs" in line


def test_each_race_is_of_a_model_and_known_to_the_other_side():
    text = race.KERAS.read_text(encoding="utf-8")
    for entry in race.RACES:
        assert entry.name in gengallery.list_models()
        assert f'"{entry.name}"' in text


def test_both_sides_train_on_the_same_images(fake_root, fake_train, fake_test, tmp_path, monkeypatch, capsys):
    """The other side is given a file of them, here beside a script that says what is in it."""
    script = tmp_path / "keras.py"
    script.write_text(
        "import json, sys\nimport numpy as np\nfound = np.load(sys.argv[1])\n"
        "assert found['train'].dtype == found['test'].dtype == np.uint8\n"
        "print(json.dumps({'seconds': found['train'].sum().item(), 'test': found['test'].sum().item()}))\n"
    )
    monkeypatch.setattr(race, "KERAS", script)
    monkeypatch.setattr(race, "RACES", (ae_race(1.0), Race("other", SHORT, 1.0, goal=10, keras_epochs=9)))
    monkeypatch.setattr(race, "describe_machine", lambda: "this machine")
    results = []
    monkeypatch.setattr(race, "outcome", lambda _, ours, theirs: results.append((ours, theirs)) or "the outcome")
    race.measure(sys.executable, fake_root, 60, ["ae_16"])
    ((ours, theirs),) = results
    assert 0 < ours.loss < 1
    assert (theirs.seconds, theirs.loss) == (fake_train.images.sum().item(), fake_test.images.sum().item())
    assert capsys.readouterr().out.splitlines() == ["this machine", "the outcome"]


def test_the_other_side_needs_nothing_of_ours():
    assert "gengallery" not in race.KERAS.read_text(encoding="utf-8")


class Counted:
    """Stands for a model, and counts the images that it is asked for at once."""

    def __init__(self, steps: int | None):
        self.options = Options(steps=steps)
        self.asked: list[int] = []

    def sample(self, n):
        return list(range(n))

    def decode(self, z):
        self.asked.append(len(z))

    def generate(self, n):
        self.asked.append(n)


@pytest.mark.parametrize(
    ("steps", "decoded", "generated"), [(None, {1, 1000}, {1, 16, 1000}), (5, set(), {1, 16, 100})]
)
def test_making_images_fills_its_columns(steps, decoded, generated):
    """As wide as their heads; a model that takes steps is spared what would last for minutes."""
    model = Counted(steps)
    assert len(library.decoding_cells(model)) == 13 + 16
    assert set(model.asked) == decoded
    model.asked.clear()
    assert len(library.generating_cells(model)) == 15 + 9 + 10
    assert set(model.asked) == generated


# -- beside busy processes


def test_company_is_judged_by_its_ratios():
    costs = busy.Costs("ae_2", "step", 1, (2.0, 5.0, 8.0))
    assert costs.ratios == (2.5, 4.0) and costs.met and not str(costs).endswith("NOT met")
    for ms in ((2.0, 5.1, 8.0), (2.0, 5.0, 8.1)):
        worse = busy.Costs("ae_2", "step", 1, ms)
        assert not worse.met and str(worse).endswith("NOT met")


def test_a_mean_counts_every_call(monkeypatch):
    """Also the one in ten that is slow, which a median would not see."""
    clock = iter(range(10**6))
    seconds = [0.0]
    slow = [1 if next(clock) % 10 else 11 for _ in range(1000)]

    def call() -> None:
        seconds[0] += slow.pop()

    monkeypatch.setattr(busy.time, "perf_counter", lambda: seconds[0])
    assert busy.mean_ms(call, 100) == pytest.approx(2000, rel=0.1)


@pytest.mark.slow
def test_company_is_busy_for_as_long_as_it_is_asked_for(monkeypatch):
    started = []
    popen = busy.subprocess.Popen
    monkeypatch.setattr(busy.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with busy.company(2):
        assert [process.poll() for process in started] == [None, None]
    assert len(started) == 2 and all(process.poll() is not None for process in started)


@pytest.mark.slow
def test_busy_measures_each_figure_in_every_company(monkeypatch, capsys):
    monkeypatch.setattr(busy, "ROUNDS", 1)
    monkeypatch.setattr(busy, "describe_machine", lambda: "this machine")
    seen = []
    company = busy.company
    monkeypatch.setattr(busy, "company", lambda count: seen.append(count) or company(count))
    found = busy.measure(["ae_2"], seconds=0.01)
    assert [costs.figure for costs in found] == ["load", "decode 1", "decode 1000", "generate 1", "generate 16", "step"]
    assert seen == [0, 1, 2] * len(found)
    assert all(ms > 0 for costs in found for ms in costs.ms)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "this machine" and lines[-1].startswith("6 figures, ")
    assert [line.rstrip() for line in lines[5:-1]] == [str(costs).rstrip() for costs in found]


def test_busy_knows_its_models():
    with pytest.raises(ValueError, match="--only: expected a model, found 'vae_3'; there are ae_2,"):
        busy.measure(["vae_3"])
