"""The sample city 云澜市 Yunlan: its generator, and the city folder that it writes here.

`python -m deploy.sample_city.generate` writes the files.
The city is our own invention: no map, name or figure of a real place is in it.
"""
