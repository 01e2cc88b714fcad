"""Recurrences (`ops/recurrence.py`): a cell over all steps of one example."""

from __future__ import annotations

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Node
from nnctl.ops.recurrence import Recurrence

helper(
    "activate",
    """
/* x = f(x): 0 linear, 1 relu, 2 sigmoid, 3 tanh, 4 hard sigmoid. */
static void activate(int code, int count, real *x) {
    int i;
    if (code == 1)
        for (i = 0; i < count; i++)
            x[i] = x[i] < 0 ? 0 : x[i];
    else if (code == 2)
        for (i = 0; i < count; i++)
            x[i] = sigmoid_r(x[i]);
    else if (code == 3)
        for (i = 0; i < count; i++)
            x[i] = tanh_r(x[i]);
    else if (code == 4)
        for (i = 0; i < count; i++) {
            real y = x[i] + 3;
            y = y < 0 ? 0 : y;
            x[i] = (y > 6 ? 6 : y) / 6;
        }
}
""",
)

_STEP = """
/* One step of %(name)s: the new states (%(states)s units) from the old ones. xw: x W + b of the step; v:
   the recurrent kernel (units, %(gates)s units); planes, sums (%(gates)s units each) are its own. */
static void %(name)s_step(const real *xw, const real *v, const real *extra, int units, int depth,
              int activation, int recurrent, const real *old, real *new_, real *planes, real *sums) {
    %(body)s
}
"""
_STEPS = {
    "simple_rnn": """(void)extra; (void)recurrent; (void)planes;
    row_product(old, 1, units, v, units, units, depth, xw, NULL, sums, new_);
    activate(activation, units, new_);""",
    "lstm": """const real *i = planes, *f = planes + units, *g = planes + 2 * units, *o = planes + 3 * units;
    const real *c = old + units;
    real *new_c = new_ + units;
    int n;
    (void)extra;
    row_product(old, 1, units, v, 4 * units, 4 * units, depth, xw, NULL, sums, planes);
    activate(recurrent, 2 * units, planes);
    activate(activation, units, planes + 2 * units);
    activate(recurrent, units, planes + 3 * units);
    for (n = 0; n < units; n++)
        new_[n] = new_c[n] = FMA(f[n], c[n], i[n] * g[n]);
    activate(activation, units, new_);
    for (n = 0; n < units; n++)
        new_[n] = o[n] * new_[n];""",
    "gru": """const real *z = planes, *r = planes + units;
    const real *bias = extra ? extra + 2 * units : NULL;
    real *g = planes + 2 * units;
    int n;
    row_product(old, 1, units, v, 3 * units, 2 * units, depth, xw, extra, sums, planes);
    activate(recurrent, 2 * units, planes);
    row_product(old, 1, units, v + 2 * units, 3 * units, units, depth, NULL, bias, sums, g);
    for (n = 0; n < units; n++)
        g[n] = FMA(r[n], g[n], xw[2 * units + n]);
    activate(activation, units, g);
    for (n = 0; n < units; n++)
        new_[n] = FMA(z[n], old[n], (1 - z[n]) * g[n]);""",
    "gru_reset_before": """const real *z = planes;
    real *r = planes + units, *g = planes + 2 * units;
    int n;
    (void)extra;
    row_product(old, 1, units, v, 3 * units, 2 * units, depth, xw, NULL, sums, planes);
    activate(recurrent, 2 * units, planes);
    for (n = 0; n < units; n++)
        r[n] = r[n] * old[n];
    row_product(r, 1, units, v + 2 * units, 3 * units, units, depth, xw + 2 * units, NULL, sums, g);
    activate(activation, units, g);
    for (n = 0; n < units; n++)
        new_[n] = FMA(z[n], old[n], (1 - z[n]) * g[n]);""",
}
_GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}
_STATES = {"simple_rnn": 1, "lstm": 2, "gru": 1, "gru_reset_before": 1}

for _name, _body in _STEPS.items():
    _said = {"name": _name, "body": _body, "gates": _GATES[_name], "states": _STATES[_name]}
    helper(f"{_name}_step", _STEP % _said)
    helper(
        _name,
        f"""
/* All steps of {_name}: y (steps, units), in the order of the steps, and the last states. Masked steps keep
   the states. first: the initial states, NULL for zeros. work: {2 * (_GATES[_name] + _STATES[_name])}
   units. */
static void {_name}(const real *xw, const real *v, const real *extra, const real *const *first,
                    const uint8_t *mask, int steps, int units, int depth, int activation, int recurrent,
                    int backwards, int zero_masked, real *work, real *y, real *const *last) {{
    real *old = work, *new_ = work + {_STATES[_name]} * units, *swapped;
    real *planes = work + {2 * _STATES[_name]} * units, *sums = planes + {_GATES[_name]} * units;
    int s, k, n;
    for (k = 0; k < {_STATES[_name]}; k++)
        for (n = 0; n < units; n++)
            old[k * units + n] = first ? first[k][n] : 0;
    for (s = 0; s < steps; s++) {{
        const int t = backwards ? steps - 1 - s : s, masked = mask && !mask[t];
        const real *read = xw + t * {_GATES[_name]} * units;
        {_name}_step(read, v, extra, units, depth, activation, recurrent, old, new_, planes, sums);
        for (n = 0; n < {_STATES[_name]} * units && masked; n++)
            new_[n] = old[n];
        for (n = 0; n < units && y; n++)
            y[s * units + n] = masked && zero_masked ? 0 : new_[n];
        swapped = old;
        old = new_;
        new_ = swapped;
    }}
    for (k = 0; k < {_STATES[_name]}; k++)
        for (n = 0; n < units && last[k]; n++)
            last[k][n] = old[k * units + n];
}}
""",
    )


def _room(node: Node) -> int:
    op = node.op
    assert isinstance(op, Recurrence)
    return 2 * (op.cell.gates + op.cell.states) * op.sizes([v.type for v in node.inputs])[2]


@emits(Recurrence, room=_room)
def _recurrence(w: Writer, node: Node) -> None:
    from nnctl.kernels.panels import block_depth

    op = node.op
    assert isinstance(op, Recurrence)
    assert not op.factors
    if op.cell.kernel not in _STEPS:
        raise w.refused(node, f"its cell {op.cell.kernel} is not written in C")
    xw, v, *rest = node.inputs
    extra = rest.pop(0) if op.extra else None
    first = [rest.pop(0) for _ in range(op.cell.states)] if op.started else []
    mask = rest.pop(0) if op.mask else None
    batch, steps, units = op.sizes([each.type for each in node.inputs])
    flags = (op.activation, op.recurrent_activation, int(op.go_backwards), int(op.zero_masked))
    read = {out.index: out for out in node.outputs}
    with w.times(batch) as of, w.block():
        if first:
            w.line(f"const real *const first[] = {{{', '.join(of(state, units) for state in first)}}};")
        made = [read.get(1 + k) for k in range(op.cell.states)]
        last = ", ".join("NULL" if state is None else of(state, units) for state in made)
        w.line(f"real *const last[] = {{{last}}};")
        seen = of(mask, steps) if mask is not None else None
        y = of(read[0], steps * units) if 0 in read else None
        w.call(
            op.cell.kernel, of(xw, xw.type.size // batch), v, extra, "first" if first else None, seen, steps,
            units, block_depth(units), *flags, w.room(node), y, "last",
        )  # fmt: skip
