"""Records and `nnctl test`: what is recorded, what differs and why, what a pipeline reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, RunError
from nnctl.core.events import EpochEnded
from nnctl.report.junit import junit_text
from nnctl.report.trials import markdown_text
from nnctl.runs.digests import MOST, Digests, digested_every
from nnctl.runs.record import Record
from nnctl.runs.record_diff import differences
from nnctl.workflow.expected import Outcome
from nnctl.workflow.test import configs_in, exit_code, update_records, write_record
from nnctl.workflow.trial import Trial, attempt
from tests.cli.command import CONFIGS, nnctl
from tests.workflow.test_expected import IRIS

SHORT = IRIS.replace("epochs: 60", "epochs: 3")


def config(folder: Path, text: str = SHORT, name: str = "iris.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    trial = attempt(config(tmp_path_factory.mktemp("recorded")), threads=1, recording=True)
    write_record(trial)
    return trial


def made(trial: Trial) -> Record:
    assert trial.made is not None
    return trial.made


def test_a_record_says_what_a_run_was_and_came_to(recorded: Trial) -> None:
    assert recorded.record == recorded.config.with_name("iris.record.json")
    record = Record.read(recorded.record)
    assert record == recorded.made
    assert record.settings["training.epochs"] == 3
    assert not any(key.startswith(("expect", "record")) for key in record.settings)
    assert (record.epochs, record.layers) == (3, ("dense", "dense_1", "species"))
    assert [line.split()[0] for line in record.digests] == ["1", "2", "3"]
    assert all(len(line.split()) == 2 + 3 for line in record.digests)
    assert set(record.numbers) == {"validation", "test"}
    assert record.numbers["test"]["macro_f1"] is not None


def test_a_record_has_the_same_text_wherever_it_is_made(recorded: Trial, tmp_path: Path) -> None:
    again = attempt(config(tmp_path), threads=2, recording=True)
    assert made(again).text() == made(recorded).text()


def test_a_run_of_the_same_bits_holds(recorded: Trial) -> None:
    trial = attempt(recorded.config, threads=2)
    assert (trial.exit_code, trial.compared, trial.differences) == (0, True, ())


def test_causes_come_before_the_first_epoch_and_layers(recorded: Trial, tmp_path: Path) -> None:
    data = (CONFIGS / "data" / "iris.csv").read_text().replace("5.1,3.5", "5.2,3.5", 1)
    (tmp_path / "iris.csv").write_text(data)
    text = SHORT.replace(str(CONFIGS / "data" / "iris.csv"), "iris.csv").replace("5e-3", "6e-3")
    path = config(tmp_path, text)
    older = replace(made(recorded), versions={"nnctl": "0.0.1"})
    older.write(tmp_path / "iris.record.json")
    trial = attempt(path, threads=1)
    assert trial.exit_code == 4
    lines = list(trial.differences)
    assert "config: training.optimizer.learning_rate 0.006, was 0.005" in lines
    assert any(line.startswith("data: iris.csv") for line in lines)
    assert any(line.startswith("version: nnctl") and line.endswith("was 0.0.1") for line in lines)
    assert lines[-1].startswith("bits: first in epoch 1: the weights of dense, dense_1, species")
    order = [line.partition(":")[0] for line in lines]
    assert order == sorted(order, key=["config", "data", "version", "bits"].index)


def test_the_first_epoch_and_its_layers_are_named(recorded: Trial) -> None:
    record = made(recorded)
    first, second, third = record.digests
    words = second.split()
    words[3] = "0" * 12
    other = replace(record, weights_sha256="0" * 64, digests=(first, " ".join(words), third))
    assert differences(other, record)[-1] == "bits: first in epoch 2: the weights of dense_1"
    logs = replace(
        record, weights_sha256="0" * 64, digests=(first, second.replace(words[1], "f" * 12), third)
    )
    assert differences(logs, record)[-1] == "bits: first in epoch 2: the logs alone"
    later = replace(record, weights_sha256="0" * 64)
    assert differences(later, record)[-1].endswith("the difference comes after them")
    fewer = replace(later, epochs=2, digests=(first, second))
    assert differences(fewer, record)[-1] == "bits: 3 epochs were trained, before 2"
    renamed = replace(later, layers=("a",))
    assert "the layers with weights are dense, dense_1, species" in differences(renamed, record)[-1]


def test_other_settings_with_the_same_bits_are_no_difference(recorded: Trial) -> None:
    assert differences(replace(made(recorded), settings={}), made(recorded)) == []


def test_digests_are_thinned() -> None:
    assert [digested_every(n) for n in (1, MOST, MOST + 1, 2 * MOST, 2 * MOST + 1, 1000)] == [
        1,
        1,
        2,
        2,
        4,
        16,
    ]


def test_the_epochs_with_digests_are_those_whose_number_is_a_multiple() -> None:
    digests = Digests({"a": ["a/w", "a/b"]}, 2 * MOST)
    weights = {"a/w": np.ones((2, 3), np.float32), "a/b": np.zeros(3, np.float32)}
    for epoch in range(5):
        digests.see(EpochEnded(epoch, epoch, {"loss": 0.5}, 0.1, weights))
    assert [line.split()[0] for line in digests.lines] == ["2", "4"]
    assert len({tuple(line.split()[1:]) for line in digests.lines}) == 1
    weights["a/b"][2] = np.float32(1e-45)
    digests.see(EpochEnded(5, 5, {"loss": 0.5}, 0.1, weights))
    assert digests.lines[2].split()[1] == digests.lines[1].split()[1]
    assert digests.lines[2].split()[2] != digests.lines[1].split()[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "no 'nnctl_record'"), ('{"nnctl_record": 2}', "of version 2"), ("nonsense", "Expecting value")],
)
def test_what_is_no_record_is_refused_and_not_written_over(
    recorded: Trial, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "iris.record.json"
    file.write_text(text)
    with pytest.raises(RunError, match=message):
        Record.read(file)
    with pytest.raises(RunError, match=message):
        write_record(replace(recorded, record=file))
    assert file.read_text() == text


def test_drops_are_held_against_the_record(recorded: Trial, tmp_path: Path) -> None:
    drops = "  - {metric: accuracy, drop_at_most: 0.5}\n  - {metric: log_loss, drop_at_most: 0}\n"
    path = config(tmp_path, f"{SHORT}\nexpect:\n{drops}  - {{bits: same}}\n")
    record = made(recorded)
    numbers = {"test": {"accuracy": 1.4, "log_loss": 0.001}}
    replace(record, numbers=numbers).write(tmp_path / "iris.record.json")
    trial = attempt(path, threads=1)
    accuracy = record.numbers["test"]["accuracy"] or 0
    assert [outcome.holds for outcome in trial.outcomes] == [1.4 - accuracy <= 0.5, False, True]
    assert trial.outcomes[1].found.endswith(", the record 0.0010")


def test_a_config_is_found_and_what_is_none_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "manifest.json").write_text("{}")
    for name in ("b.yaml", "deep/a.yml", "deep/.hidden/c.yaml", "runs/a/config.yaml"):
        (tmp_path / name).write_text(SHORT)
    (tmp_path / "workflow.yaml").write_text("on: push\n")
    (tmp_path / "broken.yaml").write_text("nnctl: 1\n  bad: [\n")
    found = [str(path.relative_to(tmp_path)) for path in configs_in([tmp_path])]
    assert found == ["b.yaml", "broken.yaml", "deep/a.yml"]
    assert configs_in([tmp_path / "b.yaml", tmp_path / "b.yaml"]) == [tmp_path / "b.yaml"]
    with pytest.raises(ConfigError, match="there is no"):
        configs_in([tmp_path / "none.yaml"])
    with pytest.raises(ConfigError, match="no experiment in"):
        configs_in([tmp_path / "deep" / ".hidden" / ".." / ".." / "runs"])


HOSTILE = "<b>|&\x07```</testcase>"


def trials() -> list[Trial]:
    held = Outcome("accuracy on test: at least 0.9", "0.95", True)
    broken = Outcome(f"{HOSTILE} on test: at least 0.9", "0.1", False)
    return [
        Trial(Path("a.yaml"), 2.5, (held,), compared=True, curve=(3.0, 2.0, 1.0)),
        Trial(
            Path(f"{HOSTILE}.yaml"), 1.0, (held, broken), compared=True, differences=("config: x", "bits: y")
        ),
        Trial(Path("c.yaml"), 0.5, error=ConfigError("it is wrong")),
    ]


def test_junit_has_a_case_for_each_expectation() -> None:
    root = ElementTree.fromstring(junit_text(trials()))
    assert (root.tag, root.attrib) == (
        "testsuites",
        {"tests": "8", "failures": "2", "errors": "1", "time": "4.000"},
    )
    suites = [(s.get("tests"), s.get("failures"), s.get("errors"), s.get("time")) for s in root]
    assert suites == [("3", "0", "0", "2.500"), ("4", "2", "0", "1.000"), ("1", "0", "1", "0.500")]
    names = [case.get("name") for case in root.iter("testcase")][:3]
    assert names == ["trains", "accuracy on test: at least 0.9", "as recorded"]
    shown = "<b>|&\N{REPLACEMENT CHARACTER}```</testcase>"
    failures = [f.get("message") for f in root.iter("failure")]
    assert failures == [f"does not hold: {shown} on test: at least 0.9, found 0.1", "config: x"]
    assert [f.text for f in root.iter("failure")][1] == "config: x\nbits: y"
    assert next(root.iter("error")).text == "error: it is wrong"


def test_junit_is_read_back_by_a_public_parser(tmp_path: Path) -> None:
    junitparser = pytest.importorskip("junitparser")
    file = tmp_path / "out.xml"
    file.write_text(junit_text(trials()), encoding="utf-8")
    read = junitparser.JUnitXml.fromfile(str(file))
    assert (read.tests, read.failures, read.errors) == (8, 2, 1)
    assert [case.is_passed for suite in read for case in suite] == [
        True,
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_markdown_shows_what_is_hostile_as_text() -> None:
    text = markdown_text(trials())
    assert text.startswith("### nnctl: 1 of 3 passed\n")
    table, _, told = text.partition("**")
    assert "<b>" not in table
    assert "````text\ndoes not hold" in told
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 3
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows)
    assert "█" in text


def test_the_exit_code_is_the_first_faults() -> None:
    passed, failed, wrong = trials()
    data = replace(wrong, error=RunError("x"))
    data.error.exit_code = 3  # type: ignore[union-attr]
    assert [exit_code(t) for t in ([passed], [passed, failed], [failed, data, wrong], [])] == [0, 4, 3, 0]


def test_update_writes_a_record_anew_that_no_longer_holds(recorded: Trial, tmp_path: Path) -> None:
    path = config(tmp_path, f"{SHORT}\nexpect:\n  - {{bits: same}}\n")
    file = tmp_path / "iris.record.json"
    replace(made(recorded), weights_sha256="0" * 64).write(file)
    assert attempt(path, threads=1).exit_code == 4
    trial = attempt(path, threads=1, recording=True)
    assert (trial.exit_code, trial.compared) == (0, False)
    assert update_records([trial]) == [trial]
    assert Record.read(file) == recorded.made
    assert update_records([attempt(path, threads=1, recording=True)]) == []
    file.unlink()
    assert update_records([attempt(path, threads=1, recording=True)]) == []
    assert not file.exists()


def test_a_folder_is_a_test_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`record`, then `test`: green; then one is changed and another is broken: red, and each says why."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    folder = tmp_path / "configs"
    folder.mkdir()
    config(folder, SHORT + "\nexpect:\n  - {metric: accuracy, at_least: 0.1}\n  - {bits: same}\n", "a.yaml")
    written = nnctl("record", folder, "--quiet")
    assert (written.code, written.out.split()) == (0, [str(folder / "a.record.json")])
    config(folder, SHORT.replace("name: iris", "name: other"), "b.yaml")
    junit = tmp_path / "out.xml"
    green = nnctl("test", folder, "--jobs", "2", "--junit", junit, "--json")
    assert green.code == 0
    assert [c["compared"] for c in green.json["configs"]] == [True, False]
    assert "passed: " in green.err
    config(folder, SHORT.replace("epochs: 3", "epochs: 2"), "a.yaml")
    config(folder, SHORT.replace("Dense", "Dens"), "b.yaml")
    red = nnctl("test", folder, "--junit", junit, "--quiet")
    assert red.code == 2
    assert "config: training.epochs 2, was 3" in red.out
    assert "did you mean 'Dense'?" in red.out
    counts = ElementTree.parse(junit).getroot()
    assert (counts.get("failures"), counts.get("errors")) == ("1", "1")
    assert (tmp_path / "summary.md").read_text().count("### nnctl:") == 2
    json.loads((folder / "a.record.json").read_text())


def test_a_config_of_which_something_does_not_hold_gets_no_record_and_is_told_why(tmp_path: Path) -> None:
    path = config(tmp_path, f"{SHORT}\nexpect:\n  - {{metric: accuracy, at_least: 1.5}}\n")
    failed = nnctl("record", path, "--quiet")
    assert (failed.code, failed.out) == (4, "")
    assert "does not hold: accuracy on test: at least 1.5, found" in failed.err
    config(tmp_path, SHORT.replace("Dense", "Dens"))
    wrong = nnctl("record", path, "--quiet")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean 'Dense'?" in wrong.err
    assert not list(tmp_path.glob("*.json"))


def test_a_file_of_others_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out.xml").write_text("<other/>")
    result = nnctl("test", config(tmp_path), "--junit", tmp_path / "out.xml")
    assert result.code == 2
    assert "is there already" in result.err
    assert (tmp_path / "out.xml").read_text() == "<other/>"
