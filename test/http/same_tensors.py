"""Whether two safetensors files hold the same tensors, bit for bit; their metadata may differ.

usage: same_tensors.py ONE OTHER; exit status 1 and what differs if not.
"""

import json
import sys


def read(path):
    """The tensors' descriptions and the data section."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        return header, file.read()


def difference(one, other):
    """What differs first, or None."""
    (header, data), (other_header, other_data) = read(one), read(other)
    if not header or header != other_header:
        return "the tensors are described differently"
    if len(data) != len(other_data):
        return f"the data has {len(data)} and {len(other_data)} bytes"
    for name, tensor in sorted(header.items()):
        begin, end = tensor["data_offsets"]
        if data[begin:end] != other_data[begin:end]:
            return f"tensor {name} differs"
    return None


if __name__ == "__main__":
    problem = difference(sys.argv[1], sys.argv[2])
    if problem:
        sys.exit(f"{sys.argv[1]}, {sys.argv[2]}: {problem}")
