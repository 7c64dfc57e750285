"""Read and write safetensors files of float32 tensors, with numpy and nothing else.

The format: eight bytes (little-endian) with the length of a JSON header, the header, then the
tensors' bytes. The header maps each name to {"dtype", "shape", "data_offsets": [begin, end]}.
Used by both trainers, so that the example needs no package that Debian does not ship.
"""

import json
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}


def read(path):
    """Return {name: array} of the safetensors file at `path`, each array in its own shape."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).copy()
    return tensors


def write(path, tensors, metadata=None):
    """Write {name: array} to `path` as float32, in name order, and the strings of `metadata`."""
    header = {"__metadata__": metadata} if metadata else {}
    blocks = []
    offset = 0
    for name in sorted(tensors):
        block = np.ascontiguousarray(tensors[name], DTYPES["F32"]).tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(block)],
        }
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want the data 8-byte aligned
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(blocks)
