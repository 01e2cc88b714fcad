"""The whole corpus: importing this fills `CORPUS`."""

from __future__ import annotations

from tests.hostile import archives, graphs, storage, tensors, texts, vulnerabilities
from tests.hostile.cases import CORPUS

__all__ = ["CORPUS", "archives", "graphs", "storage", "tensors", "texts", "vulnerabilities"]
