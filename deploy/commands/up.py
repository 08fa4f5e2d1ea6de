"""`citywall up`: a city on one screen, until Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streams.contract.name import Name

if TYPE_CHECKING:
    import argparse

    from deploy.config.run import Mode
    from deploy.config.settings import Settings
    from streams.city.folder import Folder
    from streams.city.registry import City

SUMMARY = "Run a city and show it on one screen"
EPILOG = """\
Starts Kafka, live state, feeds, intake, processors, alarm engine, sinks and wall, and prints the wall's address.
Runs until Ctrl-C or SIGTERM; a second `up` on the same --data goes on where the first one ended.

  citywall up                          the sample city
  citywall up --speed 60 --port 0      an hour a minute, on any free port
  citywall up --city DIR               your own city folder, fed by your departments (docs/city-folder.md)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a city that runs."""
    from deploy.supervision import launch

    launch.add_arguments(parser)
    parser.add_argument("--city", type=Path, metavar="DIR", help="a city folder (default: the sample city)")
    parser.add_argument(
        "--speed", type=float, metavar="X", help="city time per wall time of the sample city (default 1)"
    )


class Chosen(NamedTuple):
    """Settings, and a city that can be used with them."""

    settings: Settings
    city_id: str
    city_name: Name
    mode: Mode
    speed: float
    folder: Folder
    """The city's, as it was read and checked."""


def run(args: argparse.Namespace) -> int:
    """Run until asked to stop."""
    from deploy.supervision import folder, launch
    from deploy.supervision.apart import apart

    begun_s = time.monotonic()
    try:
        with launch.interruptible():
            chosen = apart(_chosen, args)
    except KeyboardInterrupt:
        return 0
    data = (args.data or folder.default(chosen.city_id, replay=False)).resolve()
    lock = launch.hold(data, chosen.city_id)
    try:
        launch.check_same_city(data, chosen.city_id)
        wanted = launch.Wanted(
            settings=chosen.settings,
            city_id=chosen.city_id,
            city_name=chosen.city_name,
            city_folder=apart(_kept, chosen.folder, data),
            city_edited=Path(chosen.folder.name),
            mode=chosen.mode,
            speed=chosen.speed,
            data=data,
            show=not args.no_open,
            begun_s=begun_s,
        )
        del chosen  # it holds all the files of the city
        launch.launch(wanted, lambda line: print(line, flush=True))
    finally:
        lock.release()
    return 0


def _chosen(args: argparse.Namespace) -> Chosen:
    """Read the settings and the city's folder, and judge both."""
    from deploy.config.run import SAMPLE_CITY
    from deploy.supervision import launch
    from streams.city.clock import MOST_SPEED
    from streams.errors import SettingError

    settings = launch.effective(args)
    speed = settings.stack.speed if args.speed is None else args.speed
    if not 0 < speed <= MOST_SPEED:
        raise SettingError(f"--speed {speed:g}: a number above 0 is needed, at most {MOST_SPEED:g}")
    place = args.city or (Path(settings.stack.city) if settings.stack.city else SAMPLE_CITY)
    read, city = _checked(place.resolve(), settings)
    if speed != 1 and not city.simulated:
        raise SettingError("--speed is for a simulated city; time in a city of your own passes as it does")
    mode: Mode = "simulated" if city.simulated else "live"
    return Chosen(settings, city.id, Name(city.name_zh, city.name_en), mode, speed, read)


def _checked(folder: Path, settings: Settings) -> tuple[Folder, City]:
    """Return a city folder as it was read, and its city; say how much in it is odd."""
    from deploy.config.rules import checked
    from streams.city.folder import read_folder
    from streams.city.own_domains import take_in
    from streams.city.registry import city_of

    take_in(folder)
    read = read_folder(folder)
    found = checked(read, settings.components, settings.own_rules)
    city = city_of(found, read.name)
    if found.notices:
        print(f"odd in the city folder: {len(found.notices)}; `citywall city check {folder}` names all", flush=True)
    return read, city


def _kept(read: Folder, data: Path) -> Path:
    """Put the checked folder in force, as a copy."""
    from deploy.config.run import CITY_COPIES
    from streams.city.kept import keep

    return keep(read, data / CITY_COPIES)
