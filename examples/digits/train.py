#!/usr/bin/python3
"""The Island's trainer in numpy: train.py --data island-a.npz (see ../lib/trainer.py)."""

import os
import pathlib
import sys

# Products of 64x64 matrices are slower with a thread pool than without; BLAS reads this on import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import mlp
import trainer

if __name__ == "__main__":
    trainer.main(mlp)
