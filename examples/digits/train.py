#!/usr/bin/python3
"""The Island's trainer in numpy: train.py --data island-a.npz (see trainer.py for the contract)."""

import os

# Products of 64x64 matrices are slower with a thread pool than without; BLAS reads this on import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import mlp
import trainer

if __name__ == "__main__":
    trainer.main(mlp)
