"""A run without a supervisor: each service of `docker-compose.yml` takes everything from its settings."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from deploy.config import settings
from deploy.config.run import CITY_COPIES, SAMPLE_CITY, Run, history_address, redis_url
from streams.city.kept import good_or_last
from streams.city.own_domains import take_in
from streams.city.registry import load_city
from streams.errors import SettingError

log = logging.getLogger("citywall")


def run_from_settings() -> Run:
    """Make the run that the settings describe.

    Raises SettingError when a server is not named (a service alone cannot bring one along), CityFileError where the
    city folder cannot be used and no good one was kept.
    """
    found = settings.load()
    choice = found.stack
    for name in ("kafka", "redis"):
        if not getattr(choice, name):
            raise SettingError(f"CITYWALL_{name.upper()} is not set; a service alone needs its HOST:PORT")
    edited = Path(choice.city).resolve() if choice.city else SAMPLE_CITY
    data = settings.data_folder()
    data.mkdir(parents=True, exist_ok=True)
    folder, wrong = good_or_last(edited, data / CITY_COPIES)
    if wrong:
        log.error("the city folder cannot be used, beginning with the last good one:\n%s", wrong)
    take_in(folder)
    city = load_city(folder)
    return Run(
        data=str(data),
        city=str(folder),
        city_edited=str(edited),
        city_id=city.id,
        mode="simulated" if city.simulated else "live",
        speed=choice.speed,
        kernel=choice.kernel,
        kafka=choice.kafka,
        redis=redis_url(choice.redis),
        history=history_address(choice, data, replay=False),
        history_spill_mib=choice.history_spill_mib,
        bind=choice.bind,
        port=choice.port,
        started_ms=time.time_ns() // 1_000_000,
        components=found.components,
        own_rules=found.own_rules,
        notifiers=found.notifiers,
        signals=found.signals,
        warnings=found.warnings,
    )
