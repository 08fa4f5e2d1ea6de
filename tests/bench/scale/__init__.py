"""How cost and memory go with the size of a city: see docs/scaling.md."""
