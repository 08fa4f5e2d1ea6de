"""Levels in dB and the energies that they stand for: a mean level is the level of the mean energy.

source  GB 3096-2008, 3.2 (equivalent level); L = 10 lg(1/n * sum of 10^(L_i / 10))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.contract.sums import COLUMN_SCALE, ENERGY_SCALE
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIGITS = 3
"""Of a level: what the units of a sum leave uncertain at 30 dB is a fifth of the last."""


def energy_of(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 10^(L / 10)."""
    found: NDArray[np.float64] = 10.0 ** (level_db / 10.0)
    return found


def level_of(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 10 lg of energies, to 0.001 dB; none: NaN.

    >>> level_of((energy_of(np.array([50.0])) + energy_of(np.array([70.0]))) / 2).tolist()
    [67.033]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.round(10.0 * np.log10(energy), DIGITS)
    return np.where(energy > 0, found, np.nan)


def are_levels(domain: str, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Return (columns,) whether each is of levels; what the domain's schema does not have is none."""
    levels = _levels_of(domain)
    return np.array([name in levels for name in columns], bool)


def _levels_of(domain: str) -> frozenset[str]:
    schema = load_schemas().get(domain)
    return frozenset() if schema is None else frozenset(one.name for one in schema.columns if one.is_level)


def scaled(
    values: NDArray[np.float64], of_level: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float | NDArray[np.float64]]:
    """Return what (n,) values add to a sum, and at which scale."""
    if not of_level.any():
        return values, COLUMN_SCALE
    return np.where(of_level, energy_of(np.where(of_level, values, 0.0)), values), np.where(
        of_level, ENERGY_SCALE, COLUMN_SCALE
    )
