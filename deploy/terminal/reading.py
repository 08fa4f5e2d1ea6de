"""What commands that only read share: which city's data folder, and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from streams.city.registry import City
    from streams.sinks.history.store import History


def data_of(args: argparse.Namespace) -> Path:
    """Return the folder named by `--data`, else the one last started.

    Raises ConfigError when there is none.
    """
    from deploy.supervision import folder

    data: Path = args.data.resolve() if args.data else folder.last_started()
    return data


def take_in_domains(args: argparse.Namespace) -> None:
    """Have the own domains of a city count: of `--data`, else of the one last started, where there is one."""
    from contextlib import suppress

    from deploy.config import run
    from streams.errors import ConfigError

    with suppress(ConfigError):
        run.read(data_of(args))


def history_of(data: Path) -> History:
    """Open the history of a data folder for reading; no city needs to run.

    Raises ConfigError when the folder holds no city, UnreachableError when its history cannot be read.
    """
    from deploy.config import run
    from streams.sinks.history.opening import open_history

    return open_history(run.read(data).history, read_only=True)


def city_of(data: Path) -> City | None:
    """Return the city of a data folder, None where its files are gone or cannot be read any more."""
    from deploy.config import run
    from streams.city.registry import load_city
    from streams.errors import CityFileError

    try:
        return load_city(run.read(data).city_path)
    except CityFileError:
        return None
