"""The resolved config: every default written out, as text and as a hash."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from nnctl.spec.language.experiment import Experiment, trained
from nnctl.spec.load import LoadedExperiment
from nnctl.spec.yaml.emit import block


def resolved_text(loaded: LoadedExperiment, directory: Path | str | None = None) -> str:
    """The resolved config as YAML, to be put into `directory`; loads back to an equal experiment.

    Args:
        loaded: The experiment.
        directory: Where the text will lie; relative paths are rewritten to lead from there to the same files.
            None leaves them as they are.
    """
    rebase = None
    if directory is not None:
        rebase = (os.path.abspath(loaded.directory), os.path.abspath(directory))
    head = f"# {loaded.file.name} with every default written out\n"
    return head + block(loaded.experiment.config(rebase))


def config_sha256(experiment: Experiment) -> str:
    """SHA-256 (hexadecimal) of the resolved config.

    The bytes hashed are its JSON: UTF-8, keys sorted, no spaces, numbers as Python's `json` writes them
    (`repr` of floats), paths as given in the config (relative ones not rewritten). Comments, the order of
    keys, whether defaults are written or left out, and what is expected of a run make no difference. What
    the language has learned since it was first hashed counts where it is not null: hashes last.
    """
    text = json.dumps(trained(experiment.config()), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
