"""Work in a process of its own: its result, its error and its words come back, its libraries do not."""

import os

import pytest

from deploy.supervision.apart import apart
from streams.errors import CityFileError


def number_in_words(number: int) -> tuple[str, int]:
    print(f"working on {number}")
    return str(number), os.getpid()


def refused() -> None:
    raise CityFileError("sensors.csv: no such zone")


def test_the_result_comes_from_another_process_and_its_words_are_heard(capfd: pytest.CaptureFixture[str]) -> None:
    words, pid = apart(number_in_words, 7)
    assert words == "7"
    assert pid != os.getpid()
    assert capfd.readouterr().out == "working on 7\n"


def test_its_error_is_ours() -> None:
    with pytest.raises(CityFileError, match="no such zone"):
        apart(refused)
