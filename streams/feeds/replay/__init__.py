"""Recorded readings of a city as its feed: the plan of a replay, and what sends its rows, marks and clock.

Two readers make plans: `streams.feeds.aarhus` of CityPulse's files, `streams.feeds.recorded` of inbox records.
"""
