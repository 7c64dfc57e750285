"""The networks of this folder by name, loaded only when asked for: PyTorch need not be there."""

import importlib

NAMES = ("mlp", "cnn")


def load(name):
    """Return the module mlp or cnn."""
    if name not in NAMES:
        raise ValueError(f"unknown network {name!r}, expected one of {', '.join(NAMES)}")
    return importlib.import_module(name)


def add_option(parser):
    """Give an argparse parser the option --net."""
    parser.add_argument("--net", choices=NAMES, default="mlp", help="network (default mlp)")
