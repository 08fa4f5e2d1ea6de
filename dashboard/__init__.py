"""What a person sees: the wall's page, its stream and its API.

Belongs here: reading the live state, shaping it for one screen, taking an operator's actions, the page's own assets.
Does not: computing a metric (`processors/`), judging an alarm (`alerts/`), starting a server (`deploy/`).
"""
