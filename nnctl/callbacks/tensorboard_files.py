"""TensorBoard's event files: one writer for each part of a run, opened when it is first written to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnctl.callbacks.tensorboard_images import MOST, grey_levels, pictures, png
from nnctl.core import below
from nnctl.core.arrays import Array
from nnctl.core.events import LayerCall, Logs
from nnctl.storage.disk import DISK, commit


class EventFiles:
    """The files of one process of a run, below `directory`.

    Args:
        root: The run directory, below which no link is followed.
        purge: By part: from which step on, what older files of a resumed run hold does not count.
    """

    def __init__(self, directory: Path, root: Path, purge: Mapping[str, int]) -> None:
        self.directory = directory
        self.root = root
        self.purge = purge
        self._writers: dict[str, Any] = {}

    def scalars(self, part: str, logs: Logs, names: str, step: int) -> None:
        """Numbers, each under `names` with `{}` as its own name."""
        from tensorboard.plugins.scalar import summary_v2

        for name, value in logs.items():
            self._summary(part, summary_v2.scalar_pb(names.format(name), float(value)), step)

    def text(self, part: str, name: str, markdown: str, step: int) -> None:
        """A text."""
        from tensorboard.plugins.text import summary_v2

        self._summary(part, summary_v2.text_pb(name, markdown), step)

    def histogram(self, part: str, name: str, values: Array, step: int) -> None:
        """How often which numbers occur."""
        from tensorboard.plugins.histogram import summary_v2

        self._summary(part, summary_v2.histogram_pb(name, values), step)

    def images(self, part: str, name: str, weight: Array, step: int) -> None:
        """The first pictures of a weight, if it is one."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.image.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        made = pictures(weight)
        if made is None:
            return
        shown = [png(picture) for picture in grey_levels(made[:MOST])]
        sizes = [str(made.shape[2]).encode(), str(made.shape[1]).encode()]
        summary = Summary()
        summary.value.add(
            tag=name,
            tensor=make_tensor_proto([*sizes, *shown]),
            metadata=create_summary_metadata(display_name=None, description=None),
        )
        self._summary(part, summary, step)

    def graph(self, part: str, inputs: Sequence[str], layers: Sequence[LayerCall]) -> None:
        """The model: its inputs, and each call of a layer with what it reads."""
        from tensorboard.compat.proto.graph_pb2 import GraphDef

        made = GraphDef()
        for name in inputs:
            made.node.add(name=name, op="Input")
        for layer in layers:
            node = made.node.add(name=layer.name, op=layer.type, input=layer.reads)
            for shape in layer.shapes:
                sizes = node.attr["_output_shapes"].list.shape.add()
                for size in (None, *shape):
                    sizes.dim.add(size=-1 if size is None else size)
        self._add(part, graph_def=made.SerializeToString())

    def file(self, path: str, pieces: Sequence[bytes]) -> None:
        """A file beside the event files, whole or not at all."""
        target = self.directory / path
        below.make_directories(target.parent, self.root)
        commit(DISK.inside(self.root), target, pieces, verify=False)

    def flush(self) -> None:
        """Let readers see what was written."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Finish the files; what is written later opens new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _summary(self, part: str, summary: Any, step: int) -> None:
        self._add(part, summary=summary, step=step)

    def _add(self, part: str, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        writer = self._writers.get(part) or self._open(part)
        writer.add_event(Event(wall_time=time.time(), **fields))

    def _open(self, part: str) -> Any:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        below.make_directories(self.directory / part, self.root)
        writer = EventFileWriter(str(self.directory / part))
        start = SessionLog(status=SessionLog.START)
        writer.add_event(Event(session_log=start, step=self.purge[part], wall_time=time.time()))
        self._writers[part] = writer
        return writer
