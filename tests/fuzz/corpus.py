"""Where the corpus lies, and what of it: inputs that each reach a branch that no other reaches."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
TARGET_NAMES = ("decode", "wire", "frames")
MOST_INPUT_BYTES = 3072
SUFFIX = ".bin"
"""They are bytes, not text, whatever they look like."""
