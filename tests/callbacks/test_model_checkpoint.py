"""ModelCheckpoint by scripted logs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nnctl.core.events import Save

from .script import losses, make, run


def test_best_only() -> None:
    out = run(make("ModelCheckpoint", save_best_only=True), losses(5, 6, 4, 4, 3))
    assert out.saves == [(e, Save(best=True)) for e in (0, 2, 4)]


def test_threshold_and_mode() -> None:
    checkpoint = make(
        "ModelCheckpoint", save_best_only=True, monitor="x", mode="max", initial_value_threshold=2.0
    )
    assert [e for e, _ in run(checkpoint, losses(1, 2, 3, 2.5, 4, name="x")).saves] == [2, 4]


def test_every_epoch_under_names() -> None:
    out = run(make("ModelCheckpoint", filepath="sub/{epoch:02d}-{val_loss:.2f}.h5"), losses(5, 0.125))
    assert [s.name for _, s in out.saves] == ["sub/01-5.00.h5", "sub/02-0.12.h5"]
    assert not any(s.best for _, s in out.saves)


def test_every_third_step_over_epochs_and_restarts() -> None:
    checkpoint = make("ModelCheckpoint", save_freq=3, filepath="{epoch}-{batch}.h5")
    assert checkpoint.wants_steps()
    rows = losses(*[1] * 6)
    out = run(checkpoint, rows)
    assert [s.name for _, s in out.saves] == ["2-1.h5", "3-2.h5", "5-1.h5", "6-2.h5"]
    for epoch in range(1, 6):
        assert run(checkpoint, rows, restart=[epoch]).saves == out.saves


def test_a_number_that_an_epoch_lacks_is_nan_in_the_name() -> None:
    out = run(make("ModelCheckpoint", filepath="{val_loss:.1f}.h5"), [{"loss": 1.0}])
    assert out.saves[0][1].name == "nan.h5"


@pytest.mark.parametrize(
    "filepath",
    [
        "/x.h5",
        "../x.h5",
        ".x.h5",
        "x.keras",
        "{epoch.__class__}.h5",
        "{0}.h5",
        "{epoch!r}.h5",
        "{epoch:{batch}}.h5",
        "{epoch.h5",
        "step-00000001.h5",
        "best.h5",
        "a/latest.h5",
        "{epoch:2000000000}.h5",
        "a/step-{epoch}.h5",
        "",
        "manifest.json/x.h5",
    ],
)
def test_odd_names(filepath: str) -> None:
    with pytest.raises(ValidationError):
        make("ModelCheckpoint", filepath=filepath)


def test_a_name_that_the_run_uses_is_named() -> None:
    with pytest.raises(ValidationError, match=r"keeps something of its own under manifest\.json"):
        make("ModelCheckpoint", filepath="manifest.json/x.h5")


@pytest.mark.parametrize(
    ("filepath", "why"),
    [
        ("{0}.h5", "'{0}' is not a placeholder"),
        ("{epoch:100}.h5", "'{epoch:100}' is too wide for a name"),
        ("{loss:.100f}.h5", "'{loss:.100f}' is too wide for a name"),
        ("x.keras", "end its name in .h5"),
        ("a/step-1.h5", "step-*, best and latest"),
    ],
)
def test_what_is_wrong_with_a_name(filepath: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make("ModelCheckpoint", filepath=filepath)
    assert why in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("filepath", ["{epoch:99}.h5", "a/my-step-1.h5", "step-1/x.h5", "best.h5/x.h5"])
def test_what_is_not_wrong_with_a_name(filepath: str) -> None:
    assert make("ModelCheckpoint", filepath=filepath).config()["filepath"] == filepath


def test_names_with_their_numbers_have_200_characters_at_most() -> None:
    for digits, found in ((98, []), (99, ["'filepath' makes names that no file can have"])):
        name = f"{{epoch:99}}{{epoch:{digits}}}.h5"
        problems = make("ModelCheckpoint", filepath=name).problems(["loss"])
        assert [problem.message for problem in problems] == found
        assert all(problem.path == ("filepath",) for problem in problems)


@pytest.mark.parametrize(
    "filepath",
    ["{epoch:/>5}.h5", "{epoch:/>2}.h5", "a/{epoch:.>3}.h5", "a/{epoch:/>2}/b.h5", "{loss:/>3.0%}.h5"],
)
def test_a_number_makes_no_directory_and_hides_nothing(filepath: str) -> None:
    """However short it is: `/0%.h5` would lie outside of the run."""
    (problem,) = make("ModelCheckpoint", filepath=filepath).problems(["loss"])
    assert problem.message == "'filepath' makes names that no file can have"


def test_what_can_be_put_into_a_name_is_told() -> None:
    (problem,) = make("ModelCheckpoint", filepath="{loss:q}.h5").problems(["loss"])
    assert problem.expected == "formats as in {epoch:02d}-{val_loss:.2f}.h5"
    (problem,) = make("ModelCheckpoint", filepath="{batch:02d}.h5").problems(["loss"])
    assert problem.message.startswith("'filepath' cannot be put together: ")
    (problem,) = make("ModelCheckpoint", filepath="{los}.h5").problems(["loss"])
    assert problem.message == "there is no 'los' to put into the name"


def test_what_is_only_saved_is_not_watched() -> None:
    """Only the best is asked for by its number: steps that have none, as in Keras, save nothing."""
    assert not make("ModelCheckpoint", monitor="nothing").problems(["loss"])
    assert not make("ModelCheckpoint").wants_steps()
    best = make("ModelCheckpoint", save_best_only=True, save_freq=1)
    assert run(best, losses(1, 2)).saves == []


def test_unknown_placeholders_are_found_before_training() -> None:
    (problem,) = make("ModelCheckpoint", filepath="{val_los:.2f}.h5").problems(["loss", "val_loss"])
    assert (problem.path, problem.suggestion) == (("filepath",), "val_loss")


@pytest.mark.parametrize(
    "filepath", ["{val_loss:q}.h5", "{val_loss:d}.h5", "{epoch}-{batch:02d}.h5", "{epoch:/>5}.h5"]
)
def test_names_that_cannot_be_formed_are_found_before_training(filepath: str) -> None:
    (problem,) = make("ModelCheckpoint", filepath=filepath).problems(["loss", "val_loss"])
    assert problem.path == ("filepath",)


def test_names_that_can_be_formed() -> None:
    names = ["loss", "val_loss"]
    assert not make("ModelCheckpoint", filepath="{epoch:02d}-{val_loss:.2f}.h5").problems(names)
    assert not make("ModelCheckpoint", filepath="a/{epoch}-{batch:02d}.h5", save_freq=3).problems(names)


@pytest.mark.parametrize("fields", [{"save_freq": 0}, {"save_freq": "batch"}, {"save_weights_only": True}])
def test_wrong_fields(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make("ModelCheckpoint", **fields)
