"""Weighted sum of ten vectors in RAM, in float64: against a mere read of the same bytes, and against numpy as an expert writes it."""

from concurrent.futures import ThreadPoolExecutor

import numpy
import threadpoolctl

from lib import machine
from lib.native import Streams
from lib.timing import in_turns

UPDATES = 10


def on_all_cores(matrix, weights, out):
    """The weighted sum cut into one part per core."""
    cuts = numpy.linspace(0, matrix.shape[1], machine.cores() + 1, dtype=int)
    parts = [(Streams(matrix, a, b), out[a:b]) for a, b in zip(cuts, cuts[1:])]
    pool = ThreadPoolExecutor(machine.cores())
    return lambda: list(pool.map(lambda part: part[0].weighted_sum(weights, part[1]), parts))


def limited(threads, action):
    """action with so many threads of BLAS."""
    def call():
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            action()
    return call


def run(bench, report):
    values = bench.size(25_000_000, 1_000_000)
    stacked = numpy.random.default_rng(1).standard_normal((UPDATES, values), dtype=numpy.float32)
    weights = numpy.full(UPDATES, 1 / UPDATES)
    w = weights.astype(numpy.float32)
    ours, expert = numpy.zeros(values, numpy.float32), numpy.zeros(values, numpy.float32)
    streams = Streams(stacked)
    taken = in_turns({
        "read, one core, one after the other": streams.read,
        "read, one core, side by side": streams.read_side_by_side,
        "weighted sum, float64, one core, sums not stored": lambda: streams.weighted_sum(weights),
        "weighted sum, float64, one core, stored as float32": lambda: streams.weighted_sum(weights, ours),
        "numpy w @ stacked, float32, one core": limited(1, lambda: numpy.matmul(w, stacked, out=expert)),
        "weighted sum, stored, all cores": on_all_cores(stacked, weights, ours),
        "numpy w @ stacked, all cores": limited(machine.cores(), lambda: numpy.matmul(w, stacked, out=expert)),
    }, bench.size(9, 5))
    numpy.testing.assert_allclose(ours, expert, atol=1e-5)
    serial, lockstep, kept, stored, one, all_ours, all_expert = (
        report.figure(label, seconds, stacked.nbytes / 1e9) for label, seconds in taken.items())
    report.ratio("sum over read", min(serial, lockstep) / kept, 0.75)
    report.ratio("sum over numpy w @ stacked, one core", one / stored, 1)
    report.ratio("sum over numpy w @ stacked, all cores", all_expert / all_ours, 1)
    report.note(f"GB/s of updates read; numpy ran on {machine.openblas()}.")
