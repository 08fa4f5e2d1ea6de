"""What one run of a city is: all that a part needs to know, in `<data>/run.json`, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from alerts.notifiers.routes import Notifiers  # at run time: msgspec reads the types of the fields
from alerts.releasing import Warnings  # as above
from streams.city.folder import DOMAINS
from streams.errors import ConfigError, SettingError
from streams.feeds.signals.settings import Signals  # as above

if TYPE_CHECKING:
    from deploy.config.settings import Stack

RUN_FILE = "run.json"
CITY_COPIES = "city-in-force"
SAMPLE_CITY = Path(__file__).resolve().parents[2] / "streams" / "feeds" / "sample_city" / "folder"

Mode = Literal["live", "simulated", "replay"]
Speed = float | Literal["max"]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a city."""

    data: str
    """The data folder."""
    city: str
    """The city folder in force."""
    city_edited: str = ""
    """The city folder that people edit, where `city` is a checked copy of it; "" = `city` itself."""
    city_id: str
    mode: Mode
    speed: Speed = 1.0
    kernel: bool = True
    """Compiled code where it is hot, if it can be had."""
    kafka: str
    """HOST:PORT"""
    embedded_kafka: bool | None = None
    """Whether that is our own, with its log in the data folder; None = of an earlier version, which did not say."""
    redis: str
    """redis://HOST:PORT/0"""
    history: str
    """Address of the history, as `streams.sinks.history` takes it; may hold a token."""
    history_spill_mib: int = 256
    """What waits for the history may take so much in the data folder."""
    bind: str = "127.0.0.1"
    port: int
    """The wall's."""
    started_ms: int
    worker: int | None = None
    """Which of the processes that share a part's partitions this is, from 1; None = nobody counts them."""
    components: dict[str, dict[str, Any]] = {}
    """Each processor's settings; its own Config has accepted them."""
    own_rules: dict[str, dict[str, Any]] = {}
    """What the settings' own file says of which alarm rule; `components` have the rules in force."""

    notifiers: Notifiers = Notifiers()
    """What leaves the building; its addresses are secret."""
    warnings: Warnings = Warnings()
    """In whose name the public is warned; its address is secret."""
    signals: Signals = Signals()
    """Whose official signals are taken in; their addresses may be secret."""

    def __repr__(self) -> str:
        """Leave out what may hold a password or token."""
        return f"Run(city_id={self.city_id!r}, mode={self.mode!r}, data={self.data!r})"

    @property
    def data_path(self) -> Path:
        """The data folder."""
        return Path(self.data)

    @property
    def city_path(self) -> Path:
        """The city folder in force."""
        return Path(self.city)

    @property
    def city_edited_path(self) -> Path:
        """The city folder that people edit."""
        return Path(self.city_edited or self.city)

    @property
    def city_copies_path(self) -> Path:
        """Where the copies of the city folder are kept."""
        return self.data_path / CITY_COPIES

    @property
    def wall(self) -> str:
        """The wall's address as a person opens it."""
        return f"http://{self.bind}:{self.port}/"

    def worker_name(self, part: str) -> str:
        """Name the process that runs a part: `intake`, `intake-2`."""
        return part if self.worker in {None, 1} else f"{part}-{self.worker}"

    def write(self) -> None:
        """Write it into the data folder, whole or not at all."""
        draft = self.data_path / f"{RUN_FILE}.tmp"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self)))
        draft.replace(self.data_path / RUN_FILE)


def read(data: Path) -> Run:
    """Read the run of a data folder; from then on its city's own domains count in this process.

    Raises ConfigError where there is none.
    """
    try:
        run = msgspec.json.decode((data / RUN_FILE).read_bytes(), type=Run)
    except FileNotFoundError as exc:
        raise ConfigError(f"{data} holds no city; start one with `citywall up --data {data}`") from exc
    except PermissionError as exc:
        raise ConfigError(f"{data / RUN_FILE}: {exc.strerror}; only who started the city may read it") from exc
    except (OSError, msgspec.DecodeError) as exc:
        raise ConfigError(f"{data / RUN_FILE}: cannot be read: {exc}; start the city again") from exc
    if (run.city_path / DOMAINS).is_dir():
        from streams.city.own_domains import take_in  # most cities have none, and most commands need no schemas

        take_in(run.city_path)
    return run


def redis_url(address: str) -> str:
    """Write an address, HOST:PORT or a URL, as a URL.

    Raises SettingError when it is neither.
    """
    url = address if "://" in address else f"redis://{address}/0"
    if not _is_url(url, ("redis", "rediss")):
        shown = address.rpartition("@")[2]  # before it stands the password
        raise SettingError(f"--redis {shown}: HOST:PORT is needed, or redis://HOST:PORT/0")
    return url


def history_address(choice: Stack, data: Path, *, replay: bool) -> str:
    """Return where the history is kept: a file in the data folder, or the InfluxDB that the settings name.

    Raises SettingError when that is no address, or its token is missing.
    """
    if not choice.influx:
        return str(data / "history.sqlite")
    if not _is_url(choice.influx, ("http", "https")):
        raise SettingError(f"--influx {choice.influx.partition('?')[0]}: http://HOST:PORT is needed")
    parts = urlsplit(choice.influx)
    query = {"org": choice.influx_org, "bucket": choice.influx_bucket, "token": choice.influx_token}
    query |= {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not query["token"]:
        raise SettingError("an InfluxDB needs a token: set CITYWALL_INFLUX_TOKEN, or add ?token=… to --influx")
    if replay:
        query["replay"] = "1"
    return f"{parts.scheme}://{parts.netloc}?{urlencode(query)}"


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Tell whether a text names a server by one of these schemes, with a port that can be one or none."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
