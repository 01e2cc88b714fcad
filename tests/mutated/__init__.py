"""Files with something changed in them, by the thousand: `python -m tests.mutated --count 2000`."""
