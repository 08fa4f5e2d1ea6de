"""Official holidays and working weekends of mainland China as days of a city's `calendar.csv`: `china_days.toml`."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from streams.city.findings import Findings, sentences
from streams.city.formats import source
from streams.city.option_files import CALENDAR_COLUMNS, read_calendar
from streams.errors import CityFileError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.city.folder import Folder

CALENDAR = "calendar.csv"
_TABLE = Path(__file__).with_name("china_days.toml")


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def official_days(year: int) -> dict[date, str]:
    """Return day → `workday` or `holiday`, as the notice for that year says.

    Raises SettingError where no notice is known.
    """
    found = _table().get(str(year))
    if found is None:
        first, *_, last = sorted(_table())
        raise SettingError(f"{year}: the official days of {first} to {last} are known; write {CALENDAR} by hand")
    days = {}
    for kind, spans in (("holiday", found["holidays"]), ("workday", found["workdays"])):
        for span in spans:
            first, _, last = span.partition("/")
            day, end = date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last or first}")
            while day <= end:
                days[day] = kind
                day += timedelta(days=1)
    return days


def with_year(folder: Folder, year: int) -> str:
    """Return the text of the folder's `calendar.csv` with the official days in the place of what it says of that year.

    Raises SettingError where no notice is known, CityFileError where the file is wrong.
    """
    findings = Findings()
    file = source(folder, CALENDAR, findings)
    before: Mapping[date, str] = read_calendar(file) if file.is_there else {}
    if findings.found:
        raise CityFileError(sentences(findings.found, folder.name))
    days = {day: kind for day, kind in before.items() if day.year != year} | official_days(year)
    return "\n".join([",".join(CALENDAR_COLUMNS), *(f"{day},{kind}" for day, kind in sorted(days.items()))]) + "\n"
