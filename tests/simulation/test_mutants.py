"""A rule that is broken on purpose is found: the checks of the simulation are not blind."""

import pytest

from simulation.mutants import Mutant, mutants
from simulation.runner import run_here

SEEDS = 200


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_a_rule_still_stands_where_it_is_broken(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.breaks(monkeypatch)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_a_broken_rule_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.breaks(monkeypatch)

    broken = next(
        (outcome for outcome in run_here(range(mutant.first_seed, mutant.first_seed + SEEDS)) if outcome.findings), None
    )

    assert broken is not None, f"'{mutant.name}' was not found in {SEEDS} seeds"
    assert {finding.partition(":")[0] for finding in broken.findings} & mutant.promises
