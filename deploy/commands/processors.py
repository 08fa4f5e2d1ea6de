"""`citywall processors list|resume NAME`: what runs, what was set aside, where and why; takes it in again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from deploy.supervision.pulses import PartPulse
    from streams.contract.spec import Spec

SUMMARY = "List the processors and what was set aside; take one in again"
EPILOG = """\
A processor that fails twice at the same offset of a partition is set aside there: the rest goes on, its readings count
as dropped, `set_aside`, and status is degraded. `resume NAME` takes it in again wherever it was set aside until now: it
is rebuilt from what Kafka still holds, in silence and beside the rest, and goes on as if it had never been away; of
what it alone would have found meanwhile the newest is said. The city need not run: it holds at the next start.
"""
RUNS, STOPPED, SET_ASIDE = "runs", "stopped", "set aside"
PARTS = {1: "processors", 2: "processors_second"}
"""Level → the part that runs its processors."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, to whom, and the form of the answer."""
    parser.add_argument("action", choices=["list", "resume"], help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a processor; list: of that one alone")
    parser.add_argument("--json", action="store_true", help="print it as JSON, for programs")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    import msgspec

    from deploy.config.components import discover
    from deploy.supervision import pulses
    from deploy.supervision.child import now_ms
    from deploy.terminal.columns import aligned
    from deploy.terminal.reading import data_of
    from streams.errors import SettingError
    from streams.hints import nearest_or_all
    from streams.saving import resuming

    data, specs = data_of(args), discover()
    if not data.is_dir():
        raise SettingError(f"{data} holds no city; start one with `citywall up --data {data}`")
    if args.action == "resume" and args.name is None:
        raise SettingError(f"resume: name a processor; there are {', '.join(specs)}")
    if args.name not in {None, *specs}:
        raise SettingError(f"{args.name}: no processor is called so{nearest_or_all(args.name, specs)}")
    if args.action == "resume":
        resuming.ask(data, args.name)
    rows = [
        row for row in table(specs, list(pulses.read(data).values()), now_ms()) if args.name in {None, row["processor"]}
    ]
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    elif args.action == "list":
        print("\n".join(aligned([["processor", "level", "domains", "state"], *map(_line, rows)])))
        print("".join(f"\n{sentence}" for row in rows for sentence in _sentences(row)), end="")
    else:
        places = ", ".join(_place(one) for one in rows[0]["set_aside"]) or "it is set aside nowhere now"
        print(f"asked for {args.name}: {places}")
    return 0


def table(specs: Mapping[str, Spec], pulses: Sequence[PartPulse], now_ms: int) -> list[dict[str, Any]]:
    """List every processor with the places where it is set aside, by the parts' newest pulses."""
    import msgspec

    aside = [one for pulse in pulses for one in pulse.set_aside]
    at_work = {pulse.part.partition("-")[0] for pulse in pulses if pulse.is_fresh(now_ms)}
    rows = []
    for name, spec in specs.items():
        level = 2 if spec.second_level else 1
        mine = [msgspec.to_builtins(one) for one in aside if one.processor == name]
        rows.append(
            {
                "processor": name,
                "level": level,
                "domains": list(spec.domains),
                "state": SET_ASIDE if mine else RUNS if PARTS[level] in at_work else STOPPED,
                "set_aside": mine,
            }
        )
    return rows


def _line(row: Mapping[str, Any]) -> list[str]:
    domains = row["domains"]
    told = ", ".join(domains[:3]) + (f" and {len(domains) - 3} more" if len(domains) > 3 else "")  # noqa: PLR2004 - a line
    return [row["processor"], str(row["level"]), told, row["state"]]


def _sentences(row: Mapping[str, Any]) -> list[str]:
    return [f"{one['processor']} is set aside in {_place(one)}: {one['reason']}\n" for one in row["set_aside"]]


def _place(one: Mapping[str, Any]) -> str:
    return f"{one['topic']}, partition {one['partition']}, from offset {one['offset']} on"
