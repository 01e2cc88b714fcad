"""What modules declare and nothing calls: imports for annotations only, and which dataclasses are values."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "nnctl"
TREES = {
    str(file.relative_to(PACKAGE)): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(PACKAGE.rglob("*.py"))
}

CHANGING = {
    "core/errors.py": "DataError",
    "data/feeding/windows.py": "Windowed",
    "formats/keras/reading/entries.py": "Structure _Scope",
    "formats/keras/reading/found.py": "Findings",
    "formats/keras/reading/parts.py": "Call Part Chart",
    "formats/keras/scopes.py": "Member Scope _Frame",
    "formats/onnx/flows.py": "Flow",
    "formats/predictions/base.py": "PredictionFormat",
    "formats/predictions/npy.py": "npy",
    "graph/build.py": "_Scope",
    "graph/model.py": "LayerGraph",
    "layers/context.py": "LayerContext",
    "ops/base.py": "Value Node Slices",
    "program/bind.py": "Tenant Bound",
    "program/plan.py": "_Buffer MemoryPlan",
    "program/trace.py": "Traced",
    "program/weights.py": "Weights",
    "runner/train.py": "Job",
    "storage/hdf5_layout.py": "_Group",
    "runs/manifest.py": "Manifest",
    "runs/model_file.py": "ModelFile",
    "runs/recorder.py": "Recorder",
    "runs/state.py": "TrainingState",
    "spec/yaml/nodes.py": "ScalarNode SequenceNode MappingNode",
    "spec/yaml/parse.py": "_Size _Open",
}
"""The dataclasses that something changes after they were made."""


def test_imports_for_types_are_not_made_when_nnctl_runs() -> None:
    """`--help` and `check` stay quick by that: no condition has more in it than TYPE_CHECKING."""
    seen = 0
    for file, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                assert ast.unparse(node.test) == "TYPE_CHECKING", file
                assert not node.orelse, file
                seen += 1
    assert seen > 10


def test_dataclasses_are_values_but_for_those_that_are_known_to_change() -> None:
    """Others hold on to them and use them as keys: nothing assigns to their fields."""
    found: dict[str, list[str]] = {}
    for file, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                said = [ast.unparse(decorator) for decorator in node.decorator_list]
                if any(s.startswith("dataclass") and "frozen=True" not in s for s in said):
                    found.setdefault(file, []).append(node.name)
    assert {file: " ".join(names) for file, names in found.items()} == CHANGING


def test_each_package_says_what_it_holds_and_what_it_never_does() -> None:
    """In two sentences with a line between, for whoever opens the folder."""
    packages = {file: tree for file, tree in TREES.items() if file.endswith("/__init__.py")}
    assert len(packages) > 25
    for file, tree in packages.items():
        holds, never = (ast.get_docstring(tree) or "").split("\n\n")[:2]
        assert holds.endswith("."), file
        assert any(word in never for word in ("never", "Nothing", "No ", "out of place", "nothing")), file
