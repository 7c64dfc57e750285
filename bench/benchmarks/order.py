"""Median of each coordinate and distances of all pairs of vectors in RAM, one core: against numpy."""

import numpy
import threadpoolctl

from lib.native import Streams
from lib.timing import in_turns


def numpy_distances(vectors, out, dtype):
    """Squared distances from direct differences of that type: one buffer, a BLAS dot product."""
    difference = numpy.empty(vectors.shape[1], dtype)
    for i in range(len(vectors)):
        for j in range(i + 1, len(vectors)):
            numpy.subtract(vectors[i], vectors[j], out=difference, dtype=dtype)
            out[i, j] = difference @ difference


def medians(report, vectors):
    """Ratio of the medians of so many vectors."""
    n, values = vectors.shape
    streams = Streams(vectors)
    ours, theirs = numpy.zeros(values, numpy.float32), numpy.zeros(values, numpy.float32)

    def theirs_in_place():
        theirs[:] = numpy.median(vectors, axis=0)

    taken = in_turns({f"median of {n}": lambda: streams.median(ours),
                      f"median of {n}, np.median(axis=0)": theirs_in_place})
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-6)
    a, b = (report.figure(label, seconds, vectors.nbytes / 1e9) for label, seconds in taken.items())
    report.ratio(f"median of {n} over np.median", b / a, 20)


def pairs(report, vectors):
    """Ratio of the distances between so many vectors."""
    n = len(vectors)
    streams = Streams(vectors)
    ours, theirs = numpy.zeros((n, n)), numpy.zeros((n, n))

    def distances():
        ours[:] = 0
        streams.distances(ours)

    taken = in_turns({f"distances of {n}": distances,
                      f"distances of {n}, numpy in float32": lambda: numpy_distances(vectors, theirs, numpy.float32),
                      f"distances of {n}, numpy in float64": lambda: numpy_distances(vectors, theirs, numpy.float64)})
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-9)
    a, single, double = (report.figure(label, seconds) for label, seconds in taken.items())
    report.ratio(f"distances of {n} over numpy in float64", double / a, 5)
    report.ratio(f"distances of {n} over numpy in float32", single / a, 5)


def run(bench, report):
    values = bench.size(1_000_000, 50_000)
    vectors = numpy.random.default_rng(1).standard_normal((100, values), dtype=numpy.float32)
    with threadpoolctl.threadpool_limits(1):
        for n in (10, 50, 100):
            medians(report, vectors[:n])
        for n in (10, 100):
            pairs(report, vectors[:n])
    report.note(f"{values} coordinates. Our distances are float64, from differences of the float32 values.")
