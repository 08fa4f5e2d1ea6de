"""The generator of the sample city: `python -m streams.feeds.sample_city.generator.generate` writes `../folder`.

The city is our own invention: no map, name or figure of a real place is in it.
"""
