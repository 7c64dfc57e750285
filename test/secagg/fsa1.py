"""Secure aggregation, protocol fsa1, a second time: what an Island does, and the sum as a server makes it.

For tests only. Nothing here is constant in time or wiped from memory, and nothing is shared with the C core, so that
both being wrong in the same way is unlikely.
"""

import dataclasses
import functools
import hashlib
import math
import os
import struct
import uuid

import numpy
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MODES = {"semi_honest": 1, "active": 2}
WEIGHTS = {"declared": 1, "hidden": 2, "unit": 3}
DELTA, AUX, CONTROL = 0, 1, 2  # streams
B, SK = 1, 2  # kinds of revealed shares
ENVELOPE, ADV, REVEAL = 94, 112, 38  # bytes
SLICE_VALUES = 262080


class Refused(Exception):
    """What an Island must refuse."""


def le32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def le64(number):
    return struct.pack("<Q", number)


def f64le(number):
    return struct.pack("<d", number)


def label(text):
    return text.encode() + b"\0"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# keys

def raw(public_key):
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


@functools.lru_cache(1024)
def x25519_key(secret):
    """Loaded once: that takes longer than what is done with it."""
    return x25519.X25519PrivateKey.from_private_bytes(secret)


def x25519_public(secret):
    return raw(x25519_key(secret).public_key())


def agree(secret, public_key):
    try:
        return x25519_key(secret).exchange(x25519.X25519PublicKey.from_public_bytes(public_key))
    except ValueError as error:
        raise Refused("key of low order") from error


def hkdf(ikm, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(ikm)


def share_key(secret, public_key, ctx, owner, holder):
    return hkdf(agree(secret, public_key), ctx, label("FSA1 share") + le32(owner, holder))


def pair_key(secret, public_key, ctx, u, v):
    return hkdf(agree(secret, public_key), ctx, label("FSA1 pair") + le32(min(u, v), max(u, v)))


def self_key(b, ctx, u):
    return hkdf(b, ctx, label("FSA1 self") + le32(u))


class Identity:
    """An Island's long-lived key."""

    def __init__(self, seed=None):
        self.key = (ed25519.Ed25519PrivateKey.from_private_bytes(seed) if seed
                    else ed25519.Ed25519PrivateKey.generate())
        self.public = raw(self.key.public_key())
        self.pid = sha256(self.public)[:16]

    @property
    def seed(self):
        return self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def sign_adv(self, c0, adv):
        return self.key.sign(label("FSA1 adv") + c0 + adv)

    def sign_upload(self, manifest):
        return self.key.sign(label("FSA1 upload") + manifest)

    def sign_agree(self, sets):
        return self.key.sign(label("FSA1 agree") + sets)


def verify(kind, public_key, message, signature):
    """kind is adv, upload or agree; message what is signed after the label."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, label(f"FSA1 {kind}") + message)
    except InvalidSignature as error:
        raise Refused(f"signature of {kind}") from error


# shares: GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 by logarithms to the base x + 1

def _tables():
    exp, log = [0] * 510, [0] * 256
    power = 1
    for i in range(255):
        exp[i] = exp[i + 255] = power
        log[power] = i
        power ^= power << 1 ^ (0x11B if power & 0x80 else 0)
    return exp, log


EXP, LOG = _tables()


def gf_multiply(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def gf_divide(a, b):
    return EXP[LOG[a] + 255 - LOG[b]] if a else 0


PRODUCTS = numpy.array([[gf_multiply(a, b) for b in range(256)] for a in range(256)], numpy.uint8)


def scale(share, factor):
    return PRODUCTS[factor][numpy.frombuffer(share, numpy.uint8)].tobytes()


def add(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def deal(secret, coefficients, n):
    """{x: share} of holders 1 to n: the polynomial at all x at once, by Horner's rule."""
    x = numpy.arange(1, n + 1)[:, None]
    shares = numpy.zeros((n, len(secret)), numpy.uint8)
    for coefficient in [*coefficients[::-1], secret]:
        shares = PRODUCTS[x, shares] ^ numpy.frombuffer(coefficient, numpy.uint8)
    return {place + 1: share.tobytes() for place, share in enumerate(shares)}


def combine(shares):
    """The secret of {x: share}, as many as the threshold."""
    secret = bytes(32)
    for x, share in shares.items():
        factor = 1
        for other in shares:
            if other != x:
                factor = gf_multiply(factor, gf_divide(other, other ^ x))
        secret = add(secret, scale(share, factor))
    return secret


# envelopes

def envelope_aad(ctx, owner, holder):
    return label("FSA1 share") + ctx + le32(owner, holder)


def seal(key, ctx, owner, holder, sk_share, b_share, nonce=None):
    nonce = nonce or os.urandom(12)
    plain = bytes([holder]) + sk_share + bytes([holder]) + b_share
    return nonce + AESGCM(key).encrypt(nonce, plain, envelope_aad(ctx, owner, holder))


def open_envelope(key, ctx, owner, holder, envelope):
    """(share of m_sk, share of b)."""
    if len(envelope) != ENVELOPE:
        raise Refused("length of an envelope")
    try:
        plain = AESGCM(key).decrypt(envelope[:12], envelope[12:], envelope_aad(ctx, owner, holder))
    except InvalidTag as error:
        raise Refused(f"envelope from {owner}") from error
    if plain[0] != holder or plain[33] != holder:
        raise Refused(f"share of another holder from {owner}")
    return plain[1:33], plain[34:]


# masks

def prg(key, stream, first, count):
    """Values first to first + count - 1 of a key's stream, as uint32."""
    assert first % 4 == 0
    iv = struct.pack(">QQ", stream, first // 4)
    text = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(bytes(4 * count))
    return numpy.frombuffer(text, "<u4")


def apply(values, keys, stream, first=0):
    """values and the streams of [(key, sign)], modulo 2^32."""
    result = numpy.array(values, numpy.uint32)
    for key, sign in keys:
        words = prg(key, stream, first, len(result))
        result = result + words if sign > 0 else result - words
    return result


def wire(values):
    return numpy.asarray(values, "<u4").tobytes()


def unwire(data):
    return numpy.frombuffer(data, "<u4").astype(numpy.uint32)


# quantiser

def levels(n_max):
    return (2**31 - 1) // n_max


def weight(samples, n_cap, w_cap):
    return max(1, (2 * min(samples, n_cap) * w_cap + n_cap) // (2 * n_cap))


def quantise(x, r, q, w, w_cap):
    """Integers in two's complement, and how many values were clamped."""
    x = numpy.asarray(x, numpy.float64)
    if not numpy.isfinite(x).all():
        raise Refused("NaN or infinity")
    clamped = numpy.clip(x, -r, r)
    integers = numpy.rint((clamped * (w / w_cap)) * (q / r)).astype(numpy.int64)
    return (integers % 2**32).astype(numpy.uint32), int((clamped != x).sum())


def signed(values):
    return numpy.asarray(values, numpy.uint32).astype(numpy.int32)


def mean(total, r, q, w_cap, weights):
    return signed(total).astype(numpy.float64) * (r / q) * w_cap / weights


# distributed differential privacy

@dataclasses.dataclass
class Grid:
    """What follows from a session's noise: honest updates of a sum, Q, variances of an Island's noise, noise of the count."""
    honest: int
    Q: int
    noise_var: int
    aux_noise_var: int
    sigma_b: float


def max_colluding(min_updates):
    return -(-max(min_updates, 3) // 3) - 1


def fits(n_max, most, variance):
    """Whether sums of n_max such integers with noise cannot be expected to wrap."""
    return variance <= 2**48 and n_max * most + 12 * (math.isqrt(n_max * variance) + 1) <= 2**31 - 1


def dp_grid(z, adaptive, divisor, min_updates, f, n_max):
    if not (0 < z < math.inf and 3 <= n_max <= 128 and 0 <= f <= max_colluding(min_updates)):
        raise Refused("noise, cohort or colluding Islands")
    h, zz, sigma_b, aux_var = max(min_updates, 3) - f, z * z, None, 0
    if adaptive:
        sigma_b = max(divisor / 20, z)
        spread = 2 * sigma_b * (2 * sigma_b)
        zz = 1 / (1 / (z * z) - 1 / spread)
        aux_var = math.floor(spread * 2.0**32 / h) + 1
        if aux_var < 2**20 or not fits(n_max, 2**16, aux_var):
            raise Refused("noise of the count")
    for e in range(24, 9, -1):
        variance = math.floor(zz * 4.0**e / h) + 1
        if fits(n_max, 2**e, variance):
            if variance < 2**20:
                raise Refused("too little noise")
            return Grid(h, 2**e, variance, aux_var, sigma_b)
    raise Refused("no Q fits")


def dp_quantise(x, c, q):
    """Integers of norm q at most, as signed numbers, and whether x was within c."""
    x = numpy.asarray(x, numpy.float64)
    if not numpy.isfinite(x).all():
        raise Refused("NaN or infinity")
    norm = math.sqrt(math.fsum(x * x))
    factor = q / norm if norm > c else q / c
    while True:
        integers = numpy.trunc(x * factor).astype(numpy.int64)
        if sum(int(v) * int(v) for v in integers) <= q * q:
            return integers, norm <= c
        factor *= 1 - 2.0**-20


def noised(params, x, noise, aux_noise):
    """What an Island masks: its clipped integers with its part of the noise, and aux."""
    integers, within = dp_quantise(x, params.clip, params.Q)
    aux = [(2 * int(within) - 1) * 2**16 + int(aux_noise)] if params.aux_len else []
    return [((integers + noise) % 2**32).astype(numpy.uint32)], numpy.array([a % 2**32 for a in aux], numpy.uint32)


def dp_mean(total, c, q, divisor):
    return signed(total).astype(numpy.float64) * (c / q) / divisor


def dp_fraction(aux, divisor):
    return min(max(0.5 + int(signed([aux])[0]) / 2**17 / divisor, 0.0), 1.0)


def next_clip(c, fraction, quantile, rate):
    return c * math.exp(-rate * (fraction - quantile))


ORDERS = [1 + n / 10 for n in range(1, 100)] + list(range(11, 64)) + [128, 256, 512, 1024]


def rdp_epsilon(costs, delta):
    """Epsilon of rounds with these noise multipliers, everybody in all of them, by Renyi orders (Canonne et al. 2020, Prop. 12)."""
    inverse = sum(1 / (z * z) for z in costs)
    return max(0.0, min(a * inverse / 2 + math.log1p(-1 / a) - math.log(delta * a) / (a - 1) for a in ORDERS))


# the transcript

@dataclasses.dataclass
class Vector:
    stream: int
    d: int
    R: float


@dataclasses.dataclass
class Params:
    """What c0 binds."""
    session: uuid.UUID
    round: int
    attempt: int
    mode: str
    weights: str
    vectors: list
    aux_len: int
    slice_values: int
    Q: int
    W_cap: int
    n_cap: int
    n_max: int
    clip: float
    noise_var: int
    aux_noise_var: int
    base: bytes
    task: bytes

    @classmethod
    def from_document(cls, session, round_no, document, base, task):
        """From the "secagg" object of a task document."""
        vectors = [Vector(v["stream"], v["d"], v["R"]) for v in document["vectors"]]
        same = ("attempt", "mode", "weights", "aux_len", "slice_values", "Q", "W_cap", "n_cap", "n_max", "clip",
                "noise_var", "aux_noise_var")
        return cls(session=uuid.UUID(str(session)), round=round_no, vectors=vectors, base=base, task=task,
                   **{name: document[name] for name in same})

    def c0(self):
        vectors = b"".join(le32(v.stream) + le64(v.d) + f64le(v.R) for v in self.vectors)
        return sha256(label("FSA1 params"), self.session.bytes, le32(self.round, self.attempt),
                      le32(MODES[self.mode], WEIGHTS[self.weights], len(self.vectors)), vectors,
                      le32(self.aux_len, self.slice_values, 32), le64(self.Q),
                      le32(self.W_cap, self.n_cap, self.n_max), f64le(self.clip), le64(self.noise_var),
                      le64(self.aux_noise_var), self.base, self.task)


def base_hash(*vectors):
    parts = [label("FSA1 base"), le32(len(vectors))]
    for vector in vectors:
        parts += [le64(len(vector)), numpy.asarray(vector, "<f4").tobytes()]
    return sha256(*parts)


def threshold(mode, n):
    return 2 * n // 3 + 1 if mode == "active" else n // 2 + 1


def commit_hash(c0, pid, b):
    return sha256(label("FSA1 commit"), c0, pid, b)


def context(c0, mode, advs):
    n = len(advs)
    return sha256(label("FSA1 roster"), c0, le32(n, threshold(mode, n), 0), *advs)


def manifest_hash(ctx, u, vectors, aux):
    """vectors: [(stream, [bytes of each masked slice])], aux: masked bytes."""
    parts = [label("FSA1 manifest"), ctx, le32(u, len(vectors))]
    for stream, slices in vectors:
        parts += [le32(stream, len(slices))] + [sha256(data) for data in slices]
    return sha256(*parts, sha256(aux))


def sets_hash(ctx, u2, u3):
    return sha256(label("FSA1 sets"), ctx, le32(len(u2), *sorted(u2)), le32(len(u3), *sorted(u3)))


def pids_of(advs):
    return [adv[:16] for adv in advs]


def c_pk(adv):
    return adv[16:48]


def m_pk(adv):
    return adv[48:80]


class Island:
    """One Island in one attempt. What is random may be given, for the vectors: c_sk, m_sk, b, sk_coefficients,
    b_coefficients, nonces (by holder), pid (16 bytes, without an identity)."""

    def __init__(self, params, identity=None, **given):
        self.params, self.identity, self.given = params, identity, given
        self.c0 = params.c0()
        self.c_sk, self.m_sk, self.b = (given.get(name) or os.urandom(32) for name in ("c_sk", "m_sk", "b"))
        self.pid = identity.pid if identity else given.get("pid") or os.urandom(16)
        self.shares = {}

    def advertise(self):
        """(adv, identity key or None, signature or None)."""
        self.adv = (self.pid + x25519_public(self.c_sk) + x25519_public(self.m_sk)
                    + commit_hash(self.c0, self.pid, self.b))
        if self.identity is None:
            return self.adv, None, None
        return self.adv, self.identity.public, self.identity.sign_adv(self.c0, self.adv)

    def take_roster(self, members):
        """members: [(adv, identity key, signature)] by u."""
        advs = [adv for adv, _, _ in members]
        pids, keys = pids_of(advs), [key for adv in advs for key in (c_pk(adv), m_pk(adv))]
        if not 3 <= len(advs) <= min(self.params.n_max, 128) or any(len(adv) != ADV for adv in advs):
            raise Refused("size of the roster")
        if any(a >= b for a, b in zip(pids, pids[1:])) or len(set(keys)) != len(keys) or self.adv not in advs:
            raise Refused("roster")
        if self.params.mode == "active":
            for adv, public, signature in members:
                if sha256(public)[:16] != adv[:16]:
                    raise Refused("pid")
                verify("adv", public, self.c0 + adv, signature)
        self.advs, self.identities = advs, [public for _, public, _ in members]
        self.n, self.u = len(advs), advs.index(self.adv) + 1
        self.t = threshold(self.params.mode, self.n)
        self.ctx = context(self.c0, self.params.mode, advs)

    @property
    def others(self):
        return [v for v in range(1, self.n + 1) if v != self.u]

    def envelopes(self):
        """n - 1 of them, by holder, as one value."""
        def coefficients(name):
            return self.given.get(name) or [os.urandom(32) for _ in range(self.t - 1)]

        sk = deal(self.m_sk, coefficients("sk_coefficients"), self.n)
        b = deal(self.b, coefficients("b_coefficients"), self.n)
        self.shares[self.u] = sk[self.u], b[self.u]
        return b"".join(
            seal(share_key(self.c_sk, c_pk(self.advs[v - 1]), self.ctx, self.u, v), self.ctx, self.u, v, sk[v], b[v],
                 self.given.get("nonces", {}).get(v))
            for v in self.others)

    def take_inbox(self, u2, envelopes):
        """envelopes: {owner: 94 bytes}. Returns the owners to complain of."""
        if self.u not in u2 or set(envelopes) != set(u2) - {self.u}:
            raise Refused("U2")
        self.u2, complaints = sorted(u2), []
        for owner, envelope in sorted(envelopes.items()):
            key = share_key(self.c_sk, c_pk(self.advs[owner - 1]), self.ctx, owner, self.u)
            try:
                self.shares[owner] = open_envelope(key, self.ctx, owner, self.u, envelope)
            except Refused:
                complaints.append(owner)
        return complaints

    def mask_keys(self):
        """[(key, sign)] of all streams on this Island's values."""
        pairs = [(pair_key(self.m_sk, m_pk(self.advs[v - 1]), self.ctx, self.u, v), 1 if self.u > v else -1)
                 for v in self.u2 if v != self.u]
        return [(self_key(self.b, self.ctx, self.u), 1)] + pairs

    def plain(self, inputs, samples, metrics=(), bounds=()):
        """Quantised vectors, one for each of params.vectors, and aux; a metric of None was not reported."""
        p = self.params
        w = weight(samples, p.n_cap, p.W_cap) if p.weights != "unit" else 1
        vectors, clamped = [], 0
        for vector, values in zip(p.vectors, inputs):
            integers, beyond = quantise(values, vector.R, p.Q, p.W_cap if vector.stream == CONTROL else w, p.W_cap)
            vectors.append(integers)
            clamped += beyond
        aux = [w, 1, min(clamped, (2**32 - 1) // p.n_max)]
        for value, bound in zip(metrics, bounds):
            aux += [0, 0] if value is None else [int(quantise([value], bound, p.Q, w, p.W_cap)[0][0]), w]
        return vectors, numpy.array(aux, numpy.uint32)

    def mask(self, vectors, aux):
        """Masked slices [(stream, [bytes])], masked aux, manifest and its signature."""
        keys, size = self.mask_keys(), self.params.slice_values
        uploads = []
        for vector, values in zip(self.params.vectors, vectors):
            uploads.append((vector.stream, [
                wire(apply(values[first:first + size], keys, vector.stream, first))
                for first in range(0, len(values), size)]))
        masked_aux = wire(apply(aux, keys, AUX))
        manifest = manifest_hash(self.ctx, self.u, uploads, masked_aux)
        return uploads, masked_aux, manifest, self.identity and self.identity.sign_upload(manifest)

    def agree(self, u2, u3):
        """The signature of the sets."""
        least = max(self.t, 3)
        if sorted(u2) != self.u2 or not set(u3) <= set(u2) or len(u3) < least or self.u not in u3:
            raise Refused("sets")
        self.u3 = sorted(u3)
        self.sets = sets_hash(self.ctx, self.u2, self.u3)
        return self.identity and self.identity.sign_agree(self.sets)

    def reveal(self, signatures=None):
        """signatures: {u: signature} of an active session."""
        if self.params.mode == "active":
            for u, signature in signatures.items():
                if u not in self.u3:
                    raise Refused("signer")
                verify("agree", self.identities[u - 1], self.sets, signature)
            if len(signatures) < self.t:
                raise Refused("too few signatures")
        entries = []
        for owner in self.u2:
            if owner in self.shares:
                kind = B if owner in self.u3 else SK
                share = self.shares[owner][1 if kind == B else 0]
                entries.append(le32(owner) + bytes([kind, self.u]) + share)
        return b"".join(entries)


# the sum

def read_reveal(data):
    """[(owner, kind, x, share)]."""
    return [(struct.unpack("<I", data[at:at + 4])[0], data[at + 4], data[at + 5], data[at + 6:at + REVEAL])
            for at in range(0, len(data), REVEAL)]


def recover(c0, mode, advs, reveals):
    """{owner: (kind, secret)} of the reveals, each checked against what its owner advertised."""
    gathered = {}
    for data in reveals:
        for owner, kind, x, share in read_reveal(data):
            gathered.setdefault((owner, kind), {})[x] = share
    secrets, t = {}, threshold(mode, len(advs))
    for (owner, kind), shares in gathered.items():
        secret, adv = combine(dict(sorted(shares.items())[:t])), advs[owner - 1]
        right = (commit_hash(c0, adv[:16], secret) == adv[80:] if kind == B else x25519_public(secret) == m_pk(adv))
        if len(shares) < t or not right:
            raise Refused(f"secret of {owner}")
        secrets[owner] = kind, secret
    return secrets


def sum_keys(ctx, advs, u3, secrets):
    """[(key, sign)] that take the masks off the sum over U3."""
    keys = []
    for owner, (kind, secret) in secrets.items():
        if kind == B:
            keys.append((self_key(secret, ctx, owner), -1))
        else:
            keys += [(pair_key(secret, m_pk(advs[u - 1]), ctx, u, owner), -1 if u > owner else 1) for u in u3]
    return keys


def total(uploads):
    """The sum modulo 2^32 of byte strings of one length."""
    return sum((unwire(data) for data in uploads), numpy.uint32(0))


# task texts

def task_text(entries):
    """The canonical text of {flattened name: value}."""
    lines = []
    for name in sorted(entries, key=str.encode):
        value = entries[name]
        if isinstance(value, bool):
            text = f"b:{int(value)}"
        elif isinstance(value, int):
            text = f"i:{value}"
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError(name)
            text = "f:" + struct.pack(">d", value + 0.0).hex()
        else:
            text = f"s:{value}"
        lines.append(f"{name}={text}\n")
    return "".join(lines).encode()


def read_task_text(text):
    """{flattened name: value}, unchecked."""
    read = {"b": lambda v: v == "1", "i": int, "f": lambda v: struct.unpack(">d", bytes.fromhex(v))[0], "s": str}
    pairs = (line.split("=", 1) for line in text.decode().splitlines())
    return {name: read[value[0]](value[2:]) for name, value in pairs}
