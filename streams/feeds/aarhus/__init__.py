"""Aarhus, or any folder laid out like CityPulse's Aarhus files, replayed as a feed.

in      trafficMetaData.csv and files of traffic, weather and parking, known by their header line
out     city.inbox.v1.traffic, .weather, .parking with marks; city.clock.v1
state   none of its own: the newest record of each inbox partition says how far it has come
drops   nothing of the chosen period: dirt goes out as it stands in the file
source  CityPulse EU FP7 data set, CC BY 4.0; docs/replay.md
"""

from streams.feeds.aarhus.plan import FilesPlan, city_id, prepare

__all__ = ["FilesPlan", "city_id", "prepare"]
