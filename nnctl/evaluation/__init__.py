"""What an evaluation tells of predictions beside a config's loss and metrics: NumPy alone, float64.

A report is made batch by batch: `add` what was wanted and what was predicted, then `report`. What must see
all predictions at once (a ranking, quantiles) keeps them, as long as they are at most `KEPT`.
Nothing here knows a layer, a file or a display.
"""
