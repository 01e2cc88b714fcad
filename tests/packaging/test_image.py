"""The Dockerfile, as far as reading it tells; `.ci/image` builds it and holds the image to its promises."""

from __future__ import annotations

import re

from tests.packaging.lock import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: each word and what follows it, in one line."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line]


def test_what_is_copied_is_there_and_in_the_context() -> None:
    """`.dockerignore` leaves everything out but what is named there."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    named = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    copied = {name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]}
    own = {name for name in copied if not name.startswith(("--from", "/"))}
    assert own == named
    assert all((ROOT / name).exists() for name in own)


def test_it_is_made_of_the_lock_and_by_nobody_in_particular() -> None:
    found = instructions()
    runs = [rest for word, rest in found if word == "RUN"]
    installs = [line for line in runs if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes --only-binary :all: -r /source/requirements/run.txt" in installs[0]
    assert "--no-deps --no-build-isolation --no-index" in installs[1]
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    assert [rest for word, rest in found[last:] if word == "USER"] == ["nnctl"]
    assert found.index(("USER", "nnctl")) < found.index(("RUN", "nnctl warm --quiet"))
    assert "pip" not in " ".join(rest for _, rest in found[last:])
