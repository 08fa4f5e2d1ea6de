"""What a user can set: defaults, a TOML file, the environment and the command line, in that order; the last one wins.

This is the only module that reads the environment. One TOML file has one section per component name; every problem in
it is told at once, an unknown name with the nearest known one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from alerts.kinds import limits_s
from alerts.notifiers.routes import Notifiers
from alerts.releasing import Warnings
from alerts.rules import shipped
from deploy.config import combining, rule_layers
from deploy.config.combining import COMBINATION, RULES, THRESHOLD
from deploy.config.sections import MASK, SECRETS, Section, judge, said_of
from streams.city.clock import MOST_SPEED
from streams.errors import ConfigError, SettingError
from streams.feeds.signals.settings import Signals
from streams.hints import nearest_or_all
from streams.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.contract.spec import Spec

DEFAULTS = Path(__file__).with_name("citywall.toml")

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Stack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section `stack`: where the city comes from and which servers it uses."""

    city: str = ""
    """A city folder; empty = the sample city that comes along."""
    port: Port = 8050
    """The wall's port; 0 = any free one."""
    speed: Annotated[float, msgspec.Meta(gt=0, le=MOST_SPEED)] = 1.0
    """Of the sample city's clock."""
    kernel: bool = True
    """Decode readings and find repeats by compiled code; without numba, or with `false`, by plain Python and numpy."""
    kafka: str = ""
    """HOST:PORT of a Kafka of one's own; empty = the embedded one."""
    redis: str = ""
    """HOST:PORT or redis:// address of a Redis of one's own; empty = the embedded one."""
    influx: str = ""
    """http(s)://HOST:PORT of an InfluxDB 2; empty = history in SQLite."""
    influx_org: str = "citywall"
    influx_bucket: str = "citywall"
    influx_token: str = ""
    """Secret; better in the environment, CITYWALL_INFLUX_TOKEN, or in a file, CITYWALL_INFLUX_TOKEN_FILE."""
    history_spill_mib: Annotated[int, msgspec.Meta(ge=16)] = 256
    """So much of what waits for a history that is away is kept in the data folder; then Kafka keeps the rest."""
    bind: str = "127.0.0.1"
    """The address on which the wall listens; there are no users yet, so beyond loopback it needs a guard."""


class Workers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section `workers`: how many processes share the partitions of a part; more than it has partitions stand idle."""

    intake: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    processors: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


TRUTHS = {"true": True, "1": True, "false": False, "0": False}
OWN_SECTIONS: dict[str, type[Any]] = {
    "stack": Stack,
    "workers": Workers,
    "notifiers": Notifiers,
    "signals": Signals,
    "warnings": Warnings,
}
"""Sections that are no component's."""

_FROM_ENVIRONMENT = (*Stack.__struct_fields__,)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in force: the stack, and each component's section as plain values that its own Config has accepted."""

    stack: Stack
    components: dict[str, dict[str, Any]]
    workers: Workers = Workers()
    notifiers: Notifiers = Notifiers()
    signals: Signals = Signals()
    warnings: Warnings = Warnings()
    own_rules: dict[str, dict[str, Any]] = {}
    """What the user's file says of which alarm rule; `components` have the rules in force."""

    def replace(self, **stack: str | int | float) -> Settings:
        """Put values of the section `stack` in the place of others."""
        return msgspec.structs.replace(self, stack=msgspec.structs.replace(self.stack, **stack))


def load(config: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises SettingError with every problem, one a line.
    """
    settings, problems = examine(config, environment)
    if settings is None:
        raise SettingError("\n".join(problems))
    return settings


def examine(
    config: Path | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[Settings | None, list[str]]:
    """Read the settings and judge them → (the settings if all is well, every problem)."""
    chosen = config or _path(environment.get("CITYWALL_CONFIG"))
    try:
        own = {} if chosen is None else _read(chosen)
        sections, at_hand = _read(DEFAULTS), shipped.shipped()
        limits_s()
    except ConfigError as exc:
        return None, [str(exc)]
    for name, values in own.items():
        sections[name] = {**sections.get(name, {}), **values}
    specs = _components()
    kinds_of = {**OWN_SECTIONS, **{name: spec.config for name, spec in specs.items()}}
    problems = [
        f"{_file(name, own, chosen)}: [{name}]: {text}" for name, text in _odd_sections(sections, own, kinds_of)
    ]
    overrides = _overrides(environment, problems)
    sections["stack"] = {**sections.get("stack", {}), **overrides}
    threshold = sections.get(THRESHOLD, {})
    rules = rule_layers.of_settings(at_hand, threshold.get(RULES, []), kinds_of)
    by_judge = combining.sections(rules.entries, rules.whole, specs)
    for name, numbers in (*by_judge.items(), *rules.numbers.items()):
        sections[name] = {**sections.get(name, {}), **numbers}
    elsewhere = {
        "stack": {key: f"CITYWALL_{key.upper()}" for key in overrides},
        THRESHOLD: {name: str(shipped.file_of(name)) for name in at_hand if name not in rules.own},
    }
    faults = [*rules.faults, *combining.faults(rules.whole, specs)]
    judged = {}
    for name, kind in kinds_of.items():
        where = THRESHOLD if name == COMBINATION else name  # where people write it
        section = Section(where, kind, _file(where, own, chosen), elsewhere.get(where, {}))
        judged[name], found = judge(section, sections.get(name, {}))
        said = faults if name == THRESHOLD else []
        problems += [*found, *(said_of(section, f"rule {rule}: {fault}", rule) for rule, fault in said)]
    if problems:
        return None, problems
    components = {name: msgspec.to_builtins(value) for name, value in judged.items() if name not in OWN_SECTIONS}
    return Settings(**{name: judged[name] for name in OWN_SECTIONS}, components=components, own_rules=rules.own), []


def _odd_sections(
    sections: Mapping[str, Any], own: Mapping[str, Any], kinds_of: Mapping[str, type[Any]]
) -> Iterator[tuple[str, str]]:
    """Say of sections that they should not stand there."""
    for name in sections:
        if name not in kinds_of:
            yield name, f"no component has this name{nearest_or_all(name, kinds_of)}"
        elif name == COMBINATION and name in own:
            yield name, combining.ELSEWHERE


def masked(settings: Settings) -> str:
    """Write the effective values as TOML, secrets masked."""
    stack = msgspec.structs.asdict(settings.stack)
    notifiers, signals = msgspec.to_builtins(settings.notifiers), msgspec.to_builtins(settings.signals)
    notifiers["routes"] = [_shown(route) for route in notifiers["routes"]]
    signals["sources"] = [_shown(source) for source in signals["sources"]]
    sections = {
        "stack": _shown(stack),
        "workers": msgspec.structs.asdict(settings.workers),
        "notifiers": notifiers,
        "signals": signals,
        "warnings": _shown(msgspec.structs.asdict(settings.warnings)),
        **settings.components,
    }
    return "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items())])
        for name, values in sections.items()
    )


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: MASK if key in SECRETS and value else value for key, value in values.items()}


def state_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder under which each city keeps its data by default."""
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "citywall"


def cache_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what can be fetched again."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "citywall"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where a service of its own, without a supervisor, keeps its data."""
    return Path(environment.get("CITYWALL_DATA") or state_home(environment) / "service")


def command_key_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of the key that signs commands, None = the data folder's own."""
    return _path(environment.get("CITYWALL_COMMAND_KEY_FILE"))


def failpoints(environment: Mapping[str, str] = os.environ) -> str:
    """Return where a test wants a part to fail: CITYWALL_FAILPOINTS, or with `@FILE` what that file says now."""
    said = environment.get("CITYWALL_FAILPOINTS", "")
    if not said.startswith("@"):
        return said
    file = Path(said[1:])
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def language(environment: Mapping[str, str] = os.environ) -> str:
    """Return `zh` or `en`, as the terminal's locale says."""
    locale = next((environment[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(key)), "")
    return "zh" if locale.startswith("zh") else "en"


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a browser could show itself here."""
    return os.name == "nt" or any(environment.get(key) for key in ("DISPLAY", "WAYLAND_DISPLAY"))


def _overrides(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in _FROM_ENVIRONMENT:
        text = environment.get(f"CITYWALL_{key.upper()}")
        if text is not None:
            found[key] = text
    for key, kind in (("port", int), ("speed", float), ("history_spill_mib", int)):
        if key in found:
            try:
                found[key] = kind(found[key])
            except ValueError:
                problems.append(f"CITYWALL_{key.upper()} = {found.pop(key)!r}: a number is needed")
    if "kernel" in found:
        text = found.pop("kernel").lower()
        if text in TRUTHS:
            found["kernel"] = TRUTHS[text]
        else:
            problems.append(f"CITYWALL_KERNEL = {text!r}: true or false is needed")
    if file := environment.get("CITYWALL_INFLUX_TOKEN_FILE"):
        try:
            found["influx_token"] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
            problems.append(f"CITYWALL_INFLUX_TOKEN_FILE = {file}: cannot be read: {why}")
    return found


def _file(section: str, own: Mapping[str, Any], chosen: Path | None) -> Path:
    """Return the file in which to look for what is wrong with a section."""
    return chosen if chosen is not None and section in own else DEFAULTS


def _components() -> dict[str, Spec]:
    from deploy.config.components import discover

    return discover()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        sections = read_toml(path)
    except (OSError, ValueError) as exc:
        raise SettingError(f"{path}: cannot be read: {exc}") from exc
    for name, values in sections.items():
        if not isinstance(values, dict):
            raise SettingError(f"{path}: {name}: settings stand in a section, such as [stack]")
    return sections


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return msgspec.json.encode(value).decode()


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
