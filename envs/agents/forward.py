"""The forward pass of a policy network, jitted: the canonical one, of which torch's is an approximation (rule 27).

A network is one flat vector of float32 numbers, layer after layer: the weights `[inputs, outputs]`, row by row, then
the biases `[outputs]`. `sizes` are the numbers of inputs, of units of each hidden layer, and of outputs. Every sum is
taken in one order, on top of the bias four inputs after four, in float32, so that the bits are the same for one
observation and for a thousand, from Python, from a kernel and from a compiled `on_bar`. (The loop over outputs is the
inner one: it is what the compiler vectorises, and it does not reorder the sums.)

The array arguments may be float32, or float64 that hold float32 numbers, as arrays on a strategy do: the bits are the
same. `scratch` holds two rows of the widest layer; nothing is allocated.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit

TANH, RELU = 0, 1
ACTIVATIONS = {"tanh": TANH, "relu": RELU}

# tanh x = x / (1 + x²/(3 + x²/(5 + …))), the continued fraction of Lambert (1768), cut after the 14th level: a ratio of
# polynomials in x² whose coefficients are integers below 2^53. Up to |x| = 9.1 it is 4e-9 from tanh, and beyond tanh is
# 1 in float32. The C library's own is not used: NumPy and numba call different ones, which differ in the last bit.
_LARGEST = 9.1
_P0, _P1, _P2, _P3 = 213458046676875.0, 31623414322500.0, 1159525191825.0, 15713497800.0
_P4, _P5, _P6 = 87297210.0, 185640.0, 105.0
_Q0, _Q1, _Q2, _Q3 = 213458046676875.0, 102776096548125.0, 6957151150950.0, 151242416325.0
_Q4, _Q5, _Q6 = 1309458150.0, 4594590.0, 5460.0


@inner_jit
def tanh32(x):
    """Return the hyperbolic tangent of a float32, rounded once; NaN stays NaN."""
    z = np.float64(x)
    z = _LARGEST if z > _LARGEST else z
    z = -_LARGEST if z < -_LARGEST else z
    y = z * z
    p = _P0 + y * (_P1 + y * (_P2 + y * (_P3 + y * (_P4 + y * (_P5 + y * _P6)))))
    q = _Q0 + y * (_Q1 + y * (_Q2 + y * (_Q3 + y * (_Q4 + y * (_Q5 + y * (_Q6 + y))))))
    return np.float32(z * p / q)


@kernel_jit()
def mlp_forward(parameters, sizes, activation, x, scratch, out):
    """Write the outputs of a network for one observation; see the module's first paragraphs.

    Parameters
    ----------
    parameters : array [n], float32
        The weights and biases, layer after layer.
    sizes : array [n_layers + 1], int64
        Inputs, hidden units, outputs.
    activation : int
        `TANH` (0) or `RELU` (1), after every layer but the last.
    x : array [sizes[0]], float32
        The observation. NaN gives NaN.
    scratch : array [2 * max(sizes)], float32
        Overwritten.
    out : array [sizes[-1]], float32
        Overwritten with the outputs.
    """
    n_layers = sizes.shape[0] - 1
    width = scratch.shape[0] // 2
    source, target = scratch[:width], scratch[width:]
    for i in range(sizes[0]):
        source[i] = np.float32(x[i])
    at = 0
    for layer in range(n_layers):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        biases = at + n_in * n_out
        for j in range(n_out):
            target[j] = np.float32(parameters[biases + j])
        _add_products(parameters[at:biases], n_in, n_out, source, target)
        if layer < n_layers - 1:
            _activate(target, n_out, activation)
        at = biases + n_out
        source, target = target, source
    for j in range(sizes[n_layers]):
        out[j] = source[j]


@inner_jit
def _add_products(weights, n_in, n_out, source, target):
    """Add source @ weights to target, four inputs at a time: fewer loads, and half the rounding of one by one."""
    i = 0
    while i + 4 <= n_in:
        a, b = np.float32(source[i]), np.float32(source[i + 1])
        c, d = np.float32(source[i + 2]), np.float32(source[i + 3])
        of_a = weights[i * n_out : (i + 1) * n_out]
        of_b = weights[(i + 1) * n_out : (i + 2) * n_out]
        of_c = weights[(i + 2) * n_out : (i + 3) * n_out]
        of_d = weights[(i + 3) * n_out : (i + 4) * n_out]
        for j in range(n_out):
            first = a * np.float32(of_a[j]) + b * np.float32(of_b[j])
            second = c * np.float32(of_c[j]) + d * np.float32(of_d[j])
            target[j] = np.float32(target[j]) + (first + second)
        i += 4
    while i < n_in:
        a = np.float32(source[i])
        of_a = weights[i * n_out : (i + 1) * n_out]
        for j in range(n_out):
            target[j] = np.float32(target[j]) + a * np.float32(of_a[j])
        i += 1


@inner_jit
def _activate(values, n, activation):
    if activation == TANH:
        for j in range(n):
            values[j] = tanh32(np.float32(values[j]))
    else:
        for j in range(n):
            value = np.float32(values[j])
            values[j] = np.float32(0.0) if value < np.float32(0.0) else value  # NaN stays


@kernel_jit()
def first_largest(values, start, stop):
    """Return the position, from `start`, of the largest of values[start:stop]; of equals, that of the first."""
    best = start
    for j in range(start + 1, stop):
        if values[j] > values[best]:
            best = j
    return best - start


@kernel_jit()
def act_discrete(parameters, sizes, activation, x, scratch, out):
    """Return the action with the largest output, from 0, for one observation; arguments as in `mlp_forward`."""
    mlp_forward(parameters, sizes, activation, x, scratch, out)
    return first_largest(out, 0, sizes[sizes.shape[0] - 1])


@kernel_jit()
def act_box(parameters, sizes, activation, squash, low, high, x, scratch, out):
    """Write the action of a policy over a box for one observation.

    Parameters
    ----------
    parameters, sizes, activation, x, scratch
        As in `mlp_forward`.
    squash : bool
        Take the tanh of the outputs and scale it from [-1, 1] to the box (SAC), rather than cut the outputs off at the
        bounds (PPO, A2C).
    low, high : array [sizes[-1]], float32
        The bounds of the box.
    out : array [sizes[-1]], float32
        Overwritten with the action.
    """
    mlp_forward(parameters, sizes, activation, x, scratch, out)
    for j in range(sizes[sizes.shape[0] - 1]):
        out[j] = bounded(np.float32(out[j]), squash, np.float32(low[j]), np.float32(high[j]))


@inner_jit
def bounded(value, squash, low, high):
    """Return one output as an action within its bounds."""
    if squash:
        value = low + np.float32(0.5) * (tanh32(value) + np.float32(1.0)) * (high - low)
    value = low if value < low else value
    return high if value > high else value


@kernel_jit()
def outputs_of_rows(parameters, sizes, activation, x, out):
    """Write the outputs of a network for every row of x [n, inputs] to out [n, outputs], as `mlp_forward` does."""
    width = 0
    for size in sizes:
        width = max(width, size)
    scratch = np.empty(2 * width, np.float32)
    for row in range(x.shape[0]):
        mlp_forward(parameters, sizes, activation, x[row], scratch, out[row])


@kernel_jit()
def best_of_rows(outputs, choices, actions):
    """Write the position of the largest output of each group of choices, from 0, for every row, to actions [n, k]."""
    for row in range(outputs.shape[0]):
        start = 0
        for group in range(choices.shape[0]):
            actions[row, group] = first_largest(outputs[row], start, start + choices[group])
            start += choices[group]


@kernel_jit()
def bound_rows(actions, squash, low, high):
    """Bring outputs [n, k] into the box in place, as `act_box` does."""
    for row in range(actions.shape[0]):
        for j in range(actions.shape[1]):
            actions[row, j] = bounded(actions[row, j], squash, low[j], high[j])
