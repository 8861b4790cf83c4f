"""The attacks of scripts/attack.py, few of each: all are refused, or do no harm."""

import pytest
from conftest import run_python

import attacks
from attacks.common import Answer, Outcome


def test_an_outcome_counts_what_broke():
    outcome = Outcome()
    outcome.count("a", Answer(200, "fine", 0))
    outcome.count("b", Answer(403, "no", 0), must_refuse=True)
    outcome.count("c", Answer(0, "reset", 0), closed=True)
    assert (outcome.tried, outcome.refused, outcome.answered, outcome.failed) == (3, 2, 1, 0)
    outcome.count("d", Answer(200, "fine", 0), must_refuse=True)
    outcome.count("e", Answer(500, "no", 0))
    outcome.count("f", Answer(0, "reset", 0))
    outcome.count("g", Answer(404, "Traceback", 0))
    assert (outcome.tried, outcome.failed) == (7, 4)


@pytest.mark.slow
def test_the_demo_holds():
    done = run_python("scripts/attack.py", "--scale", "0.002")
    assert done.returncode == 0, done.stdout + done.stderr
    table = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line and line[0].isalpha()}
    assert set(attacks.NAMES) < set(table)
    for name in attacks.NAMES:
        tried, refused, answered, failed = map(int, table[name][:4])
        assert tried == refused + answered > 20 and failed == 0, name
    assert "MB before" in done.stdout
