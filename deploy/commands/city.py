"""`citywall city`: every problem of a city folder at once; the official holidays of a year."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from streams.city.check import Checked

SUMMARY = "Check a city folder, or give it the official holidays"
EPILOG = """\
One sentence a problem: file, line or feature, field, value, cure. `up` refuses a folder with problems, and a running
city goes on with the last good one. A notice says what is odd and is taken all the same.

  citywall city check DIR             the sentences, then what is there
  citywall city check DIR --json      the same as JSON
  citywall city calendar 2026 --city DIR
                                      writes the holidays and working weekends of mainland China of that year into
                                      DIR/calendar.csv; other years stay as they are

Exit code of check: 0 no problem (there may be notices), 1 at least one. docs/city-folder.md describes every file.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can do, and with what."""
    parser.add_argument("action", choices=["check", "calendar"])
    parser.add_argument("subject", metavar="DIR|YEAR", help="check: the city folder; calendar: the year")
    parser.add_argument("--json", action="store_true", help="check: print JSON")
    parser.add_argument("--city", type=Path, metavar="DIR", help="calendar: the city folder")


def run(args: argparse.Namespace) -> int:
    """Check: print what is wrong, what is odd and what is there → 1 if anything is wrong. Calendar: write it."""
    return _calendar(args.subject, args.city) if args.action == "calendar" else _check(Path(args.subject), args.json)


def _check(folder: Path, as_json: bool) -> int:
    from deploy.config import settings
    from deploy.config.rules import checked
    from streams.city.folder import read_folder
    from streams.city.own_domains import take_in

    take_in(folder)
    chosen = settings.load()
    found = checked(read_folder(folder), chosen.components, chosen.own_rules)
    print(_as_json(found) if as_json else _as_text(found))
    return 1 if found.problems else 0


def _calendar(year: str, folder: Path | None) -> int:
    from streams.city.china_days import CALENDAR, with_year
    from streams.city.folder import read_folder
    from streams.errors import CityFileError, SettingError

    if folder is None or not folder.is_dir():
        raise SettingError(f"--city {folder or 'DIR'}: name the city folder that is to have the calendar")
    if not (year.isascii() and year.isdigit()):
        raise SettingError(f"{year!r}: a year is needed, such as 2026")
    text = with_year(read_folder(folder), int(year))
    path = folder / CALENDAR
    draft = path.with_name(f".{CALENDAR}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as exc:
        raise CityFileError(f"{path}: cannot be written: {exc.strerror}") from exc
    days = sum(line.startswith(f"{int(year)}-") for line in text.splitlines())
    print(f"{path}: {days} official days of {int(year)}")
    return 0


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
