"""The alarm rules that ship: a TOML file each, `<rule>.toml`, and what makes a rule an engineered object.

Belongs here: each rule's values and its record (what it is called, cause, consequence, action, time to respond, owner),
and how the layers of a city's rules are laid over each other. Does not: judging readings (`processors.threshold`), or
reading settings and city folders (`deploy.config`).
"""
