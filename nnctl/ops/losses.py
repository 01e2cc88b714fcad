"""Losses a row: loss_rows(kind, y_true, y_pred, ...) and their weighted mean. (In work: kernels follow.)"""

from __future__ import annotations
