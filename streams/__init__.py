"""The data plane: records, topics, codecs, city registry, event time, state, feeds, sinks; all that knows Faust.

Belongs here: how readings travel, are checked, kept and stored.
Does not: what is computed from them (`processors`), what people act on (`alerts`), what they see (`dashboard`).
"""
