"""What configs/digits_mlp.yaml asks for, as JSON, so that the peers' scripts do the same job."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def describe(path: Path) -> dict[str, Any]:
    """Layers, epochs, batch size and data of the config."""
    config = yaml.safe_load(path.read_text())
    layers = [entry if isinstance(entry, dict) else {"type": entry} for entry in config["model"]["layers"]]
    return {
        "csv": str((path.parent / config["data"]["source"]["path"]).resolve()),
        "target": config["data"]["source"]["target"],
        "scale": next(iter(config["data"]["columns"].values()))["scale"],
        "test": config["data"]["split"]["test"],
        "validation": config["data"]["split"]["validation"],
        "batch": config["data"]["batch_size"],
        "layers": layers,
        "epochs": config["training"]["epochs"],
    }


if __name__ == "__main__":
    print(json.dumps(describe(Path(sys.argv[1]))))
