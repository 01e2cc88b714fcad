"""Files that old Kerases wrote, with what these predicted: `files/*.zip`, made by the scripts beside them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
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
REFUSED = {
    "channels_first": "channels_last",
    "padded": "Theano padded",
}
"""Models that do not come over, and a word of the reason; `padded` does from TensorFlow."""
YAML_OF_NUMPY = "numpy.core.multiarray.scalar is refused"
"""What `to_yaml` wrote for a size that NumPy had worked out is no plain data."""


def cases() -> Iterator[Any]:
    for archive in sorted(FILES.glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            names = set(opened.namelist())
        for name in sorted(name.removesuffix(".npz") for name in names if name.endswith(".npz")):
            for structure, weights in FORMS:
                if name + structure in names:
                    label = f"{archive.stem}-{name}{structure}"
                    yield pytest.param(archive, name, structure, weights, id=label)


def unpacked(archive: Path, names: tuple[str, ...], place: Path) -> Mapping[str, Any]:
    """The files of a model, and what it was fed and gave."""
    with zipfile.ZipFile(archive) as opened:
        for name in names:
            opened.extract(name, place)
        return dict(np.load(io.BytesIO(opened.read(Path(names[0]).stem + ".npz"))))


@pytest.mark.parametrize(("archive", "name", "structure", "weights"), list(cases()))
def test_what_it_predicted(archive: Path, name: str, structure: str, weights: str, tmp_path: Path) -> None:
    arrays = unpacked(archive, (name + structure, *([name + weights] if weights else [])), tmp_path)
    file, beside = tmp_path / (name + structure), tmp_path / (name + weights) if weights else None
    if YAML_OF_NUMPY.split()[0] in file.read_bytes().decode("latin-1"):
        with pytest.raises(ConfigError, match=YAML_OF_NUMPY):
            import_model(file, tmp_path / "run", weights=beside)
        return
    if name in REFUSED and not (name == "padded" and "tensorflow" in archive.stem):
        with pytest.raises(ConfigError, match=REFUSED[name]):
            import_model(file, tmp_path / "run", weights=beside)
        return
    import_model(file, tmp_path / "run", weights=beside)
    stored = open_stored(str(tmp_path / "run"))
    made = Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights))
    fed = {name: arrays[f"x{number}"] for number, name in enumerate(stored.model.inputs)}
    found = list(made.predict(fed).values())
    expected = [arrays[f"y{number}"] for number in range(len(found))]
    assert f"y{len(found)}" not in arrays
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
