"""Write state dicts of PyTorch: `python torch_2.py FILE.tar.xz`.

Of each model `NAME.safetensors` and `NAME.npz`: what it was fed (`x0`, `x1` ..., channels last) and what it
gave (`y0`).

`torch_2.14.1.tar.xz`: Python 3.11, torch 2.14.1, safetensors 0.8.
"""

import os
import sys
import tarfile
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


class Made(nn.Module):
    """Modules by name, and what is done with them."""

    def __init__(self, run, **modules):
        super().__init__()
        self.run = run
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *xs):
        return self.run(self, *xs)


def images(x):
    """Channels last to PyTorch's."""
    return torch.movedim(x, -1, 1)


@model
def table():
    def run(m, x):
        return m.out(m.norm(torch.relu(m.block(x))))

    block = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 7))
    return Made(run, block=block, norm=nn.BatchNorm1d(7), out=nn.Linear(7, 3)), [(6, 5)]


@model
def pictures():
    """A Flatten between images and a norm, beside a table."""

    def run(m, x, table):
        y = m.pool(torch.relu(m.norm(m.conv(images(x)))))
        y = m.second(m.depth(y))
        y = torch.cat([table, torch.flatten(y, 1)], dim=1)
        return m.out(m.last(y))

    modules = {
        "conv": nn.Conv2d(4, 6, (3, 2), groups=2),
        "norm": nn.BatchNorm2d(6),
        "pool": nn.MaxPool2d(2),
        "depth": nn.Conv2d(6, 12, 2, groups=6),
        "second": nn.Conv2d(12, 5, 1, bias=False),
        "last": nn.BatchNorm1d(32),
        "out": nn.Linear(32, 3),
    }
    return Made(run, **modules), [(3, 8, 9, 4), (3, 2)]


@model
def flat():
    """Pictures that are flattened at once."""

    def run(m, x):
        return m.out(torch.flatten(images(x), 1))

    return Made(run, out=nn.Linear(60, 4)), [(2, 4, 5, 3)]


@model
def larger():
    def run(m, x):
        return images_last(m.norm(m.rise(m.act(m.up(images(x))))))

    modules = {
        "up": nn.ConvTranspose2d(3, 5, 2, stride=2),
        "act": nn.PReLU(5),
        "rise": nn.ConvTranspose2d(5, 4, (3, 2)),
        "norm": nn.GroupNorm(2, 4),
    }
    return Made(run, **modules), [(2, 3, 4, 3)]


def images_last(y):
    return torch.movedim(y, 1, -1)


@model
def texts():
    """Steps that are flattened: PyTorch has these as nnctl has."""

    def run(m, x):
        y, _ = m.both(m.words(x))
        y, _ = m.gates(m.norm(y))
        y, _ = m.plain(y)
        return m.out(torch.flatten(y, 1))

    modules = {
        "words": nn.Embedding(9, 5),
        "both": nn.LSTM(5, 3, batch_first=True, bidirectional=True),
        "norm": nn.LayerNorm(6),
        "gates": nn.GRU(6, 4, batch_first=True),
        "plain": nn.RNN(4, 2, batch_first=True),
        "out": nn.Linear(14, 3),
    }
    return Made(run, **modules), [(4, 7)]


@model
def signals():
    def run(m, x):
        return m.out(torch.flatten(torch.relu(m.conv(images(x))), 1))

    return Made(run, conv=nn.Conv1d(3, 4, 3), out=nn.Linear(24, 2)), [(3, 8, 3)]


@model
def attention():
    def run(m, x):
        y, _ = m.heads(x, x, x)
        other, _ = m.between(m.norm(x + y), x, x)
        return m.out(other)

    modules = {
        "heads": nn.MultiheadAttention(6, 2, batch_first=True),
        "norm": nn.LayerNorm(6),
        "between": nn.MultiheadAttention(6, 3, batch_first=True, kdim=6, vdim=6, bias=False),
        "out": nn.Linear(6, 4),
    }
    return Made(run, **modules), [(3, 5, 6)]


@model
def crossing():
    """Keys and values of another width: three weights in place of one."""

    def run(m, x, other):
        return m.heads(x, other, other)[0]

    return Made(run, heads=nn.MultiheadAttention(6, 3, batch_first=True, kdim=4, vdim=4)), [
        (3, 5, 6),
        (3, 7, 4),
    ]


@model
def rows():
    """Steps that are fed and flattened at once: they lie in PyTorch as in nnctl."""

    def run(m, x):
        return m.out(torch.flatten(x, 1))

    return Made(run, out=nn.Linear(12, 3)), [(2, 4, 3)]


@model
def pairs():
    """Two channels over three places."""

    def run(m, x):
        return m.out(torch.flatten(m.conv(images(x)), 1))

    return Made(run, conv=nn.Conv1d(3, 2, 2), out=nn.Linear(6, 3)), [(3, 4, 3)]


@model
def places():
    """Two places of three channels."""

    def run(m, x):
        return m.out(torch.flatten(m.conv(images(x)), 1))

    return Made(run, conv=nn.Conv1d(2, 3, 2), out=nn.Linear(6, 2)), [(3, 3, 2)]


def main(directory):
    fed = np.random.RandomState(7)
    for name, make in sorted(MODELS.items()):
        torch.manual_seed(len(name))
        m, shapes = make()
        with torch.no_grad():
            for value in m.state_dict().values():
                if value.is_floating_point():
                    value += torch.rand(value.shape) * 0.3
        m.eval()
        ids = name == "texts"
        xs = [fed.randint(0, 9, s) if ids else fed.uniform(-1, 1, s).astype("float32") for s in shapes]
        with torch.no_grad():
            y = m(*map(torch.from_numpy, xs)).numpy()
        save_file(
            {key: value.contiguous() for key, value in m.state_dict().items()},
            f"{directory}/{name}.safetensors",
        )
        np.savez_compressed(f"{directory}/{name}.npz", y0=y, **{f"x{n}": x for n, x in enumerate(xs)})
    print(torch.__version__)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(made)
        with tarfile.open(sys.argv[1], "w:xz") as archive:
            for name in sorted(os.listdir(made)):
                archive.add(os.path.join(made, name), arcname=name)
