"""`citywall city check`: every problem of a city folder at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from streams.city.check import Checked

SUMMARY = "Check a city folder"
EPILOG = """\
One sentence a problem: file, line or feature, field, value, cure. `up` refuses a folder with problems, and a running
city goes on with the last good one. A notice says what is odd and is taken all the same.

  citywall city check DIR             the sentences, then what is there
  citywall city check DIR --json      the same as JSON

Exit code: 0 no problem (there may be notices), 1 at least one. docs/city-folder.md describes every file.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one thing it can do, and the folder."""
    parser.add_argument("action", choices=["check"])
    parser.add_argument("folder", type=Path, metavar="DIR", help="the city folder")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is wrong, what is odd and what is there → 1 if anything is wrong."""
    from streams.city.check import check
    from streams.city.folder import read_folder

    found = check(read_folder(args.folder))
    print(_as_json(found) if args.json else _as_text(found))
    return 1 if found.problems else 0


def _as_json(found: Checked) -> str:
    from streams.city.findings import readable

    def plain(is_problem: bool) -> list[dict[str, str]]:
        return [
            {name: getattr(one, name) for name in ("file", "place", "field", "value")} | {"sentence": str(one)}
            for one in found.findings
            if one.is_problem == is_problem
        ]

    answer = {
        "city": readable(found.content.id),
        "problems": plain(True),
        "notices": plain(False),
        "counts": found.counts,
    }
    return json.dumps(answer, ensure_ascii=False, indent=2)


def _as_text(found: Checked) -> str:
    lines = [str(one) for one in found.problems] + [f"notice: {one}" for one in found.notices]
    counts = found.counts
    domains = ", ".join(f"{domain} {count:,}" for domain, count in counts.pop("sensors_by_domain").items())
    there = [f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items() if count]
    name = " ".join(part for part in (found.content.name_zh, found.content.name_en) if part.isprintable()).strip()
    lines.append(
        f"{name or 'the city'}: {', '.join(there) or 'nothing'}"
        + (f" (sensors by domain: {domains})" if domains else "")
    )
    verdict = "cannot be used" if found.problems else "can be used"
    lines.append(f"{verdict}: problems {len(found.problems):,}, notices {len(found.notices):,}")
    return "\n".join(lines)
