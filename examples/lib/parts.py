"""The data files of a federation: one .npz per Island, and one with what is held out for testing.

An Island's has train_inputs, train_labels, validation_inputs and validation_labels; test.npz has
inputs and labels. Inputs are (n, features), labels (n,).
"""

import string

import numpy as np

MOST_ISLANDS = len(string.ascii_lowercase)


def island_name(index, prefix="island"):
    """Return the host id of the Island with this index: island-a, island-b ..."""
    return f"{prefix}-{string.ascii_lowercase[index]}"


def write_test(out, inputs, labels, chosen):
    """Write the rows `chosen` to `out`/test.npz."""
    np.savez(out / "test.npz", inputs=inputs[chosen], labels=labels[chosen])


def split(part, validation_share):
    """Return (train, held): the first `validation_share` of the rows, at least one, is held back."""
    n_validation = max(1, round(validation_share * len(part)))
    return part[n_validation:], part[:n_validation]


def write_part(out, name, inputs, labels, part, validation_share):
    """Write the rows `part`, in a random order already, for the Island `name`; return (train, held).

    What `split` holds back is for its own validation.
    """
    train, held = split(part, validation_share)
    np.savez(
        out / f"{name}.npz",
        train_inputs=inputs[train],
        train_labels=labels[train],
        validation_inputs=inputs[held],
        validation_labels=labels[held],
    )
    return train, held


def add_options(parser, seed):
    """Give an argparse parser the options --islands, --seed and --out."""
    parser.add_argument("--islands", type=int, default=3, help=f"1 to {MOST_ISLANDS} (default 3)")
    parser.add_argument("--seed", type=int, default=seed, help=f"of the deal (default {seed})")
    parser.add_argument("--out", required=True, help="directory to write to")


def check_options(parser, options):
    """End with a message if the number of Islands is not one that they have names for."""
    if not 1 <= options.islands <= MOST_ISLANDS:
        parser.error(f"--islands must be 1 to {MOST_ISLANDS}, got {options.islands}")
