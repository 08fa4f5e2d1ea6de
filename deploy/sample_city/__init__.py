"""The sample city 云澜市 Yunlan: its generator and the city folder that `python -m deploy.sample_city.generate` writes here.

The city is our own invention: no map, name or figure of a real place is in it.
"""
