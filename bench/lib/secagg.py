"""Secure aggregation in memory, by src/core/secagg (see secagg.c) and by Flower's SecAgg+."""

import ctypes
import importlib
import os
import time
import types

import numpy

from lib.native import BUILD

_library = ctypes.CDLL(str(BUILD / "libsecagg.so"))
_library.bench_secagg_new.restype = ctypes.c_void_p
for _name in ("floor", "island", "server"):
    getattr(_library, f"bench_secagg_{_name}").restype = ctypes.c_bool


def _cpu_seconds(function, *arguments):
    began = time.process_time()
    if not function(*arguments):
        raise RuntimeError(f"{function.__name__} failed")
    return time.process_time() - began


def floor(streams, values):
    """CPU seconds of AES-256-CTR for the key streams of so many masks, and nothing else."""
    return _cpu_seconds(_library.bench_secagg_floor, ctypes.c_uint64(4 * streams * values))


class Cohort:
    """Islands with their keys, of whom the first one's work and the server's are measured."""

    def __init__(self, n):
        self.n, self.cohort = n, ctypes.c_void_p(_library.bench_secagg_new(ctypes.c_uint32(n)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _library.bench_secagg_free(self.cohort)

    def island(self, update, masked):
        """CPU seconds of one Island: keys, shares, envelopes, quantiser, masks."""
        return _cpu_seconds(_library.bench_secagg_island, self.cohort, ctypes.c_void_p(update.ctypes.data),
                            ctypes.c_void_p(masked.ctypes.data), ctypes.c_size_t(len(update)))

    def server(self, dropped, masked, mean):
        """CPU seconds of the server: secrets, sum, masks, mean."""
        return _cpu_seconds(_library.bench_secagg_server, self.cohort, ctypes.c_uint32(dropped),
                            ctypes.c_void_p(masked.ctypes.data), ctypes.c_void_p(mean.ctypes.data),
                            ctypes.c_size_t(len(mean)))


class FlowerClient:
    """A client of Flower's SecAgg+ with n - 1 neighbours, when it masks: its own function, with its defaults."""

    def __init__(self, n, update):
        from flwr.common import ndarrays_to_parameters

        # by its name: the package has a function of that name, too
        mod = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
        self.collect, self.parameters = mod._collect_masked_vectors, ndarrays_to_parameters([update])
        secret, _ = mod.generate_key_pairs()
        peers = {peer: mod.generate_key_pairs() for peer in range(2, n + 1)}
        shared = {peer: mod.generate_shared_key(secret, public) for peer, (_, public) in peers.items()}
        self.state = types.SimpleNamespace(
            nid=1, threshold=2, max_weight=1000.0, target_range=1 << 22, clipping_range=8.0, mod_range=1 << 32,
            rd_seed=os.urandom(32), sk1=mod.private_key_to_bytes(secret), ss2_dict=shared, rd_seed_share_dict={},
            sk1_share_dict={},
            public_keys_dict={peer: [mod.public_key_to_bytes(public)] for peer, (_, public) in peers.items()})
        self.configs = {
            mod.Key.SOURCE_LIST: list(peers),
            mod.Key.CIPHERTEXT_LIST: [
                mod.encrypt(shared[peer], mod.share_keys_plaintext_concat(peer, 1, bytes(33), bytes(33)))
                for peer in peers]}

    def mask(self):
        """CPU seconds of opening the shares, quantising and masking."""
        return _cpu_seconds(self.collect, self.state, self.configs, 100, self.parameters)


def update_of(values):
    return numpy.random.default_rng(3).standard_normal(values, dtype=numpy.float32)
