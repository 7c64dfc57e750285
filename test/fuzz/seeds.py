"""Writes the seeds of a fuzzer, by its name, into a directory."""

import json
import os
import struct
import sys

SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2,
    "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "F8_E4M3": 1,
    "F8_E5M2": 1,
}


def count(shape):
    product = 1
    for dimension in shape:
        product *= dimension
    return product


def compose(tensors, metadata=None, padding=""):
    """A file of (name, dtype, shape) with data that repeats 0 .. 255."""
    header = {}
    if metadata is not None:
        header["__metadata__"] = metadata
    end = 0
    for name, dtype, shape in tensors:
        begin, end = end, end + count(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = (padding + json.dumps(header) + padding).encode()
    return struct.pack("<Q", len(text)) + text + bytes(i % 256 for i in range(end))


SAFETENSORS = {
    "empty": compose([]),
    "scalar": compose([("s", "F32", [])]),
    "linear": compose([("weight", "F32", [3, 4]), ("bias", "F32", [3])], {"format": "pt"}),
    "all": compose([(d.lower(), d, [2, 3]) for d in SIZES], padding="  "),
    "zeros": compose([("a", "F16", [0, 7]), ("b", "BF16", [5]), ("c", "I8", [0])]),
    "names": compose([("é\"\\\n", "F64", [2]), ("", "U8", [3]), ("🚢", "BF16", [1])]),
    "broken": struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":[1],"data_of',
}

# The first byte is the encoding (0 - 2), and 3 more asks for one value too many.
ENCODING = {
    "f32": b"\0" + struct.pack("<20f", *range(20)),
    "f32-long": b"\3" + struct.pack("<4f", *range(4)),
    "f16": b"\1" + struct.pack("<40e", *range(40)),
    "f16-small": b"\1" + struct.pack("<20e", *(i * 2.0**-24 for i in range(20))),
    "f16-nan": b"\1" + struct.pack("<4e", 1, -2.5, 65504, float("nan")),
    "bf16": b"\2" + bytes.fromhex("803f20c07f7f0100") * 9,
    "bf16-infinity": b"\2" + bytes.fromhex("803f807f"),
    "bf16-long": b"\5" + bytes.fromhex("803f20c0"),
}


def sums(kind, values, *numbers, rows=3):
    """A state: its kind, values per page, and sums."""
    head = b"FEDs" + struct.pack("<HHIQ", 1, kind, values, rows)
    return head + struct.pack(f"<{len(numbers)}d", *numbers)


SUMS = {
    "weighted": sums(1, 3, 1.5, 1.0, -2.5, 1e300),
    "no-values": sums(1, 0, 1.5),
    "page": sums(1, 2016, *range(2017)),
    "norm": sums(2, 0, 2.0),
    "dot": sums(3, 0, -2.0),
    "cosine": sums(4, 0, 4.0, -2.0, 1.0),
    "nan": sums(4, 0, 4.0, float("nan"), 1.0),
    "negative": sums(2, 0, -2.0),
    "no-rows": sums(3, 0, 1.0, rows=0),
    "short": sums(4, 0, 4.0, -2.0),
}

ADDRESS = {
    name: bytes.fromhex(text)
    for name, text in {
        "public": "26064700000000000000000000001111",
        "private-v4": "0a000001000000000000000000000000",
        "mapped": "00000000000000000000ffff7f000001",
        "nat64": "0064ff9b0000000000000000a9fea9fe",
        "6to4": "2002c0a8010100000000000000000001",
    }.items()
}

TASK_TEXT = {
    "types": b"a=b:1\nb=i:-12\nc=f:3ff0000000000000\nd=s:\xc3\xa4 =\n",
    "nested": b"a.b.0=i:1\na.b.1.x=i:2\na.c=b:0\nb.0=s:\n",
    "gap": b"a.0=b:0\na.2=b:1\n",
    "order": b"b=b:0\na=b:1\n",
    "real": b"a=f:8000000000000000\n",
    "integer": b"a=i:-9223372036854775808\nb=i:01\n",
}


def reveal(revealer, n, u2, u3, *entries):
    """Who reveals, the sets as lists, and (owner, kind) of each share."""
    sets = b"".join(sum(1 << (u - 1) for u in members).to_bytes(16, "little") for members in (u2, u3))
    shares = b"".join(struct.pack("<IBB32s", owner, kind, revealer, bytes([owner] * 32)) for owner, kind in entries)
    return bytes([revealer, n - 1]) + sets + shares


REVEAL = {
    "all": reveal(1, 3, [1, 2, 3], [1, 2, 3], (1, 1), (2, 1), (3, 1)),
    "dropped": reveal(2, 5, [1, 2, 4, 5], [1, 2, 4], (1, 1), (2, 1), (4, 1), (5, 2)),
    "both": reveal(2, 5, [1, 2], [1], (1, 1), (1, 2), (2, 2)),
    "kind": reveal(2, 5, [1, 2], [1], (1, 2), (2, 2)),
}

ENVELOPE = {"zeros": bytes(94), "count": bytes(range(94)), "short": bytes(93)}

SEEDS = {
    "safetensors": SAFETENSORS,
    "encoding": ENCODING,
    "sums": SUMS,
    "address": ADDRESS,
    "task_text": TASK_TEXT,
    "reveal": REVEAL,
    "envelope": ENVELOPE,
}


def main():
    target, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    for name, content in SEEDS[target].items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
