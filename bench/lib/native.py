"""Kernels and noise of src/core, called on numpy's arrays; see kernels.c and noise.c."""

import ctypes
import pathlib

import numpy

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
_library = ctypes.CDLL(str(BUILD / "libbench.so"))
_library.bench_level.restype = ctypes.c_char_p
_library.bench_scratch_bytes.restype = ctypes.c_size_t


def level():
    """SIMD level that was chosen for this processor."""
    return _library.bench_level().decode()


class Streams:
    """Rows of a float32 matrix, or a part of each, as the kernels take them."""

    def __init__(self, matrix, first=0, end=None):
        part = matrix[:, first:end]
        self.matrix = matrix  # kept alive
        self.n_streams, self.n_values = map(ctypes.c_size_t, part.shape)
        self.pointers = (ctypes.c_void_p * len(part))(*(row.ctypes.data for row in part))
        scratch = _library.bench_scratch_bytes(self.n_streams)
        self.scratch = numpy.zeros(scratch, dtype=numpy.uint8)

    def read(self):
        """Nothing but a look at every byte, one stream after the other."""
        _library.bench_read(self.pointers, self.n_streams, self.n_values)

    def read_side_by_side(self):
        """The same of all streams at once."""
        _library.bench_read_side_by_side(self.pointers, self.n_streams, self.n_values)

    def weighted_sum(self, weights, out=None):
        """Weighted sums in float64; out (float32) receives them, or they are dropped page by page."""
        _library.bench_sum(_address(out), self.pointers, _address(weights), self.n_streams, self.n_values)

    def clipped_sum(self, scales):
        """Sums of products cut to integers, dropped page by page."""
        _library.bench_clipped_sum(self.pointers, _address(scales), self.n_streams, self.n_values)

    def median(self, out):
        """The median of each coordinate as float32."""
        _library.bench_median(_address(out), self.pointers, self.n_streams, self.n_values, _address(self.scratch))

    def distances(self, matrix):
        """Adds squared distances of all pairs to the upper half of a float64 matrix."""
        _library.bench_distances(_address(matrix), self.pointers, self.n_streams, self.n_values)


def random_words(out):
    """Random words, nothing but that, into an int64 array."""
    _require(_library.bench_words(_address(out), ctypes.c_size_t(len(out))))


def noise(out, variance):
    """Discrete Gaussian noise into an int64 array."""
    _require(_library.bench_noise(_address(out), ctypes.c_size_t(len(out)), ctypes.c_uint64(variance)))


def noise_as_printed(out, variance):
    """The same by the algorithms of Canonne, Kamath, Steinke 2020 as they are printed."""
    _require(_library.bench_noise_as_printed(_address(out), ctypes.c_size_t(len(out)), ctypes.c_uint64(variance)))


def _require(failed):
    if failed:
        raise RuntimeError("libcrypto gave no random words")


def _address(array):
    return ctypes.c_void_p(None if array is None else array.ctypes.data)
