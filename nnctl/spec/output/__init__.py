"""What is written of a config: problems with a caret, all defaults, its text with overrides, the JSON Schema.

Nothing here changes what a config means.
"""
