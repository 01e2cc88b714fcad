"""Files that old Kerases wrote, with what these predicted: `files/*.tar.xz`, by the scripts beside them."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.workflow.import_model import import_model
from nnctl.workflow.stored import open_stored
from tests.formats.models import Model

FILES = Path(__file__).parent / "files"
FORMS = ((".h5", ""), (".keras", ""), (".json", ".weights.h5"), (".yaml", ".weights.h5"))
"""How each model was saved: the ending of its structure, and of its weights where they are apart."""
EVERYDAY = {
    "keras_1.2.2_theano": (".h5",),
    "keras_2.2.4_tensorflow": (".h5",),
    "keras_3.0.5_jax": (".keras",),
    "keras_3.15.1_tensorflow": (".keras", ".h5"),
    "tensorflow_2.15.1": (".keras",),
}
"""What is read in the everyday tests."""
REFUSED = {
    "padded": "Theano padded",
}
"""Models that do not come over, and a word of the reason; `padded` does from TensorFlow."""
NO_VOCABULARY = "the layer 'integer_lookup.*': 'IntegerLookup' needs 'vocabulary'"
"""Only `.keras` keeps vocabularies that layers have found."""
OF_NUMPY = "the tag !!python/object/apply:numpy.* is refused"
"""What `to_yaml` wrote for a size that NumPy had worked out is no plain data."""


def label_of(archive: Path) -> str:
    return archive.name.removesuffix(".tar.xz")


def cases() -> Iterator[Any]:
    for archive in sorted(FILES.glob("*.tar.xz")):
        with tarfile.open(archive) as opened:
            names = set(opened.getnames())
        for name in sorted(name.removesuffix(".npz") for name in names if name.endswith(".npz")):
            for structure, weights in FORMS:
                if name + structure in names:
                    label = f"{label_of(archive)}-{name}{structure}"
                    everyday = name == "dense" or (structure in EVERYDAY.get(label_of(archive), ()))
                    marks = () if everyday else pytest.mark.slow
                    yield pytest.param(archive, name, structure, weights, id=label, marks=marks)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Where the files of an archive are; each is unpacked once."""
    place = tmp_path_factory.mktemp("files")

    def unpack(archive: Path) -> Path:
        made = place / label_of(archive)
        if not made.exists():
            with tarfile.open(archive) as opened:
                opened.extractall(made, filter="data")
        return made

    return unpack


@pytest.mark.parametrize(("archive", "name", "structure", "weights"), list(cases()))
def test_what_it_predicted(
    archive: Path,
    name: str,
    structure: str,
    weights: str,
    tmp_path: Path,
    unpacked: Callable[[Path], Path],
) -> None:
    place = unpacked(archive)
    file, beside = place / (name + structure), place / (name + weights) if weights else None
    reason = None
    if structure == ".yaml" and "python/object/apply:numpy" in file.read_text():
        reason = OF_NUMPY
    elif name in REFUSED and not (name == "padded" and "tensorflow" in archive.name):
        reason = REFUSED[name]
    elif name == "adapted" and structure != ".keras":
        reason = NO_VOCABULARY
    if reason is not None:
        with pytest.raises(ConfigError, match=reason):
            import_model(file, tmp_path / "run", weights=beside)
        return
    import_model(file, tmp_path / "run", weights=beside)
    stored = open_stored(str(tmp_path / "run"))
    made = Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights))
    arrays = np.load(place / f"{name}.npz")
    fed = {name: arrays[f"x{number}"] for number, name in enumerate(stored.model.inputs)}
    found = list(made.predict(fed).values())
    assert len(found) == sum(key.startswith("y") for key in arrays)
    for number, values in enumerate(found):
        np.testing.assert_allclose(values, arrays[f"y{number}"], rtol=0, atol=1e-5)
