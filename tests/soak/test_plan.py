"""A soak can be played again."""

from soak.plan import Harm, plan


def test_the_same_seed_gives_the_same_harms() -> None:
    assert plan(7, 600, 3) == plan(7, 600, 3)
    assert plan(7, 600, 3) != plan(8, 600, 3)


def test_a_longer_run_begins_as_the_shorter_one() -> None:
    short, long = plan(7, 300, 3), plan(7, 600, 3)

    assert long[: len(short)] == short
    assert len(long) > len(short)


def test_half_an_hour_does_every_harm_to_every_launcher() -> None:
    done = {(step.harm, step.target) for step in plan(1, 1800, 3)}

    assert done == {(harm, target) for harm in Harm for target in range(3)}
