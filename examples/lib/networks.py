"""The networks of the examples by name, loaded only when asked for: PyTorch need not be there."""

import importlib
import pathlib
import sys

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = {"mlp": "digits", "cnn": "digits", "logistic": "hospital"}


def load(name):
    """Return the module with this name, from the folder of its example."""
    if name not in FOLDERS:
        raise ValueError(f"unknown network {name!r}, expected one of {', '.join(FOLDERS)}")
    folder = str(EXAMPLES / FOLDERS[name])
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def add_option(parser, default=None):
    """Give an argparse parser the option --net; without a default it must be given."""
    words = f"network (default {default})" if default else "network"
    parser.add_argument("--net", choices=tuple(FOLDERS), default=default, required=not default, help=words)
