"""What `train` does with the run directory it is pointed at: it never silently starts again."""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from nnctl.core.errors import ConfigError, DataError, RunError
from nnctl.core.records import record
from nnctl.data.splitting.trained_on import DataFiles, changed
from nnctl.runs.directory import MANIFEST, RESOLVED, RunDirectory, begun, strange_in
from nnctl.runs.lock import holder
from nnctl.runs.manifest import Manifest, Status
from nnctl.spec.language.experiment import trained
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.source_text import SourceText

Action = Literal["start", "resume", "completed", "refuse"]


@record
class Decision:
    """What to do, why in a user's words, and the manifest that was found.

    Attributes:
        action: `start` in a new or empty directory; `resume` from the newest checkpoint (or from the
            beginning, where none was committed yet); `completed`: nothing is left to do; `refuse`.
        message: One line for `completed` and `refuse`.
        diff: A unified diff of the resolved configs, where they differ.
        other_data: The file that has changed, where that is why it is refused.
        more_epochs: To how many epochs a run that was made for fewer goes on.
    """

    action: Action
    path: Path
    message: str = ""
    diff: str = ""
    manifest: Manifest | None = None
    other_data: str | None = None
    more_epochs: int | None = None

    def raise_refusal(self) -> None:
        """Refuse, where that is the action.

        Raises:
            DataError: the data is not the run's own any more.
            RunError: for another reason; with message and diff.
        """
        if self.other_data is not None:
            raise DataError(self.message, file=self.other_data, hint=DATA_WAY_OUT)
        if self.action == "refuse":
            raise RunError(f"{self.message}\n{self.diff}" if self.diff else self.message)


DATA_WAY_OUT = (
    "a run goes on only with the data that it began with: bring that back, or use another --run-dir"
)


def decide(
    path: Path,
    resolved: str,
    *,
    resume: bool = False,
    data_sha256: str | None = None,
    files: DataFiles = MappingProxyType({}),
    named: bool = True,
) -> Decision:
    """What `train` should do at `path` with the config whose `resolved.yaml` would be `resolved`.

    Args:
        path: The run directory; it need not exist.
        resume: Whether the user said `--resume`.
        data_sha256: The data's hash where it is known already; a run goes on only with its own data.
        files: The files of the data, to tell which one has changed.
        named: Whether the config itself says its `name`. One that does not is named by its file, and a file
            that was renamed is no other config: the run keeps its name.
    """
    found = path / MANIFEST
    if not found.is_file():
        return _without_manifest(path, resume)
    run = RunDirectory(path)
    manifest = run.manifest()
    busy = holder(path)
    if busy:
        return Decision("refuse", path, f"{path} is in use by {busy}", manifest=manifest)
    before = run.resolved()
    old, new = _meaning(before, path / RESOLVED), _meaning(resolved, path / RESOLVED)
    if not named and "name" in old:
        new["name"] = old["name"]
    more = _more_epochs(old, new)
    if _differ(old, new) and not (more and resume):
        message = f"{path} was trained from another config; use another --run-dir, or that config"
        if more:
            message = f"{path} was trained from another config: for fewer epochs; --resume goes on to {more}"
        return Decision("refuse", path, message, config_diff(before, resolved), manifest)
    if data_sha256 and manifest.data_sha256 and data_sha256 != manifest.data_sha256:
        return _other_data(path, manifest, files)
    if more:
        return Decision("resume", path, manifest=manifest, more_epochs=more)
    return _by_status(run.status(), path, resume, manifest)


def _other_data(path: Path, manifest: Manifest, files: DataFiles) -> Decision:
    """Says which file has changed, and how."""
    before = manifest.files()
    name = next((n for n, file in before.items() if n not in files or files[n].sha256 != file.sha256), None)
    if name is None:
        message, file = f"the data has changed since {path} was started", ""
    else:
        message, file = changed(before[name], files.get(name)), files.get(name, before[name]).path
    return Decision("refuse", path, message, manifest=manifest, other_data=file)


def _meaning(text: str, file: Path) -> dict[str, Any]:
    """A resolved config as data: comments, how it is written, and what is expected of a run say nothing."""
    try:
        data: dict[str, Any] = parse_document(SourceText(str(file), text)).data
        return trained(data)
    except ConfigError as error:
        raise RunError(f"{file} is not a resolved config: {error}") from error


def _differ(old: Any, new: Any) -> bool:
    """Whether two configs differ; 1, 1.0 and true do, the order of keys says nothing, as in their hash."""
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)


def _more_epochs(old: dict[str, Any], new: dict[str, Any]) -> int | None:
    """The epochs of `new` where it is `old` with more of them, and nothing else differs."""
    before, after = _epochs(old), _epochs(new)
    if before is None or after is None or after <= before:
        return None
    longer = old | {"training": old["training"] | {"epochs": after}}
    return None if _differ(longer, new) else after


def _epochs(config: dict[str, Any]) -> int | None:
    training = config.get("training")
    epochs = training.get("epochs") if isinstance(training, dict) else None
    return epochs if isinstance(epochs, int) else None


def _by_status(status: Status, path: Path, resume: bool, manifest: Manifest) -> Decision:
    if status == "completed":
        return Decision("completed", path, f"{path} is already trained from this config", manifest=manifest)
    if resume:
        return Decision("resume", path, manifest=manifest)
    state = "failed" if status == "failed" else "was interrupted"
    why = f" ({manifest.reason})" if manifest.reason else ""
    where = f"step {manifest.steps}" if manifest.steps else "its start"
    latest = RunDirectory(path).checkpoints.latest()
    where = f"step {latest.step}" if latest else where
    message = f"{path} {state}{why}; add --resume to go on from {where}, or use another --run-dir"
    return Decision("refuse", path, message, manifest=manifest)


def _without_manifest(path: Path, resume: bool) -> Decision:
    """A directory that is missing, empty, or that a process was killed in before its first manifest."""
    if path.exists() and not path.is_dir():
        return Decision("refuse", path, f"{path} is a file, not a run directory")
    strange = strange_in(path)
    if strange is not None:
        return Decision("refuse", path, f"{path} is not empty and not a run directory (it has {strange})")
    busy = holder(path)
    if busy:
        return Decision("refuse", path, f"{path} is in use by {busy}")
    if resume and not begun(path):
        return Decision("refuse", path, f"there is nothing to resume in {path}; leave --resume out to start")
    return Decision("start", path)


def config_diff(before: str, after: str, old: str = "the run", new: str = "now") -> str:
    """A unified diff of two configs' texts; empty where they are equal."""
    lines = unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="", n=2)
    return "\n".join(lines)
