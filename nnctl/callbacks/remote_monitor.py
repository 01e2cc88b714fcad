"""The logs of each epoch, sent to a server."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import EpochEnded, Event, Request, RunStarted, Tell

_SECONDS = 2.0
"""How long a server may keep the training waiting, once for each epoch."""

_VARIABLE = re.compile(r"\$\{(\w*)\}")
_OURS = "NNCTL_"
"""What the names of variables begin with that a config may send: it may be a stranger's."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _address(text: str) -> str:
    """A server's address; credentials would be written down with the config."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or not text.isprintable() or " " in text:
        raise PydanticCustomError(
            "address", "'{text}' is no server's address", {"text": text, "expected": "http://HOST:PORT"}
        )
    if parts.username is not None:
        raise PydanticCustomError(
            "address",
            "a name and a password in the address would be written down with the config",
            {"expected": 'headers: {Authorization: "Basic ${NNCTL_LOGIN}"}'},
        )
    return text


def _path(text: str) -> str:
    if not text.isprintable() or " " in text or not text.isascii():
        raise PydanticCustomError("url_path", "'{text}' is no path of an address", {"text": text})
    return text


def _headers(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise PydanticCustomError("header", "'{name}' is no header that HTTP allows", {"name": name})
        for variable in _VARIABLE.findall(value):
            if not variable.startswith(_OURS):
                raise PydanticCustomError(
                    "header",
                    "a header reads only variables meant for nnctl, not '{variable}'",
                    {"variable": variable, "expected": f"${{{_OURS}...}}"},
                )
    return given


@register
class RemoteMonitor(CallbackSpec):
    """Send the logs of each epoch to a server, as JSON: `epoch` (from 0) and the names.

    A number that is not finite is null. A server that cannot be reached within two seconds, or refuses,
    never stops the training; the first failure is told. A resumed run sends again what it trains again.
    Source: keras.callbacks.RemoteMonitor.
    """

    root: Annotated[str, AfterValidator(_address)] = "http://localhost:9000"
    """The server's address."""
    path: Annotated[str, AfterValidator(_path)] = "/publish/epoch/end/"
    """What follows it."""
    field: Annotated[str, Field(min_length=1)] = "data"
    """The field of the form that holds the JSON, unless it is sent by itself."""
    headers: Annotated[dict[str, str], AfterValidator(_headers)] | None = None
    """More headers. The config is kept with the run; `${NNCTL_NAME}` in a value is read from the environment
    at each sending and written nowhere."""
    send_as_json: bool = False
    """Whether the JSON is sent by itself (`application/json`), not in a form."""

    _told: bool = PrivateAttr(False)
    _sends: bool = PrivateAttr(False)

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, RunStarted):
            # Where no run is kept, training is only repeated to compare it.
            self._sends = event.run_dir is not None
        elif isinstance(event, EpochEnded) and self._sends:
            failure = self._send({"epoch": event.epoch} | {k: _finite(v) for k, v in event.logs.items()})
            if failure is not None and not self._told:
                self._told = True
                yield Tell(f"RemoteMonitor: {failure}; training goes on, and this is said once")

    def _send(self, row: Mapping[str, Any]) -> str | None:
        """Post a row; why it could not be, without what the environment says."""
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.parse import urlencode
        from urllib.request import HTTPRedirectHandler, Request, build_opener

        class Stays(HTTPRedirectHandler):
            """Sends the headers nowhere else."""

            def redirect_request(self, *args: Any) -> None:
                return None

        text = json.dumps(row)
        body = text if self.send_as_json else urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind}
        for name, value in (self.headers or {}).items():
            missing = [key for key in _VARIABLE.findall(value) if key not in os.environ]
            if missing:
                return f"the header '{name}' reads the environment's {missing[0]}, which is not set"
            headers[name] = _VARIABLE.sub(lambda found: os.environ[found[1]], value)
        try:
            request = Request(self.root + self.path, body.encode(), headers, method="POST")
            with build_opener(Stays).open(request, timeout=_SECONDS) as answer:
                answer.read(1)
        except HTTPError as error:
            return f"{self.root} answered {error.code}"
        except (OSError, HTTPException):
            return f"could not reach the server at {self.root}"
        except ValueError:
            return "a header's value has characters that HTTP does not allow"
        return None


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
