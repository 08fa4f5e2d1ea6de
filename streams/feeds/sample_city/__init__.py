"""The sample city 云澜市 Yunlan: simulated readings of all twelve domains, with marks, at the city clock.

`folder/` is the city, written by `generator/`; `simulation/` is how it lives; `feed` sends what it reports.

in      a city folder whose sensors the simulation knows (their kind is the id up to the first hyphen), a seed
out     city.inbox.v1.<domain>: JSON lines, and once a second a mark in every partition; city.clock.v1; city.truth.v1
state   `<data>/sample_city.json`: how far it has come, so that event time never goes back over restarts
"""
