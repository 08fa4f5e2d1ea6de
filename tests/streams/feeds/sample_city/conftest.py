"""The sample city as it is shipped."""

import pytest

from streams.city.registry import City, load_city
from streams.feeds.sample_city.generator.generate import FOLDER


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(FOLDER)
