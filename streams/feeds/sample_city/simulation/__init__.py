"""How the sample city lives: traffic flow, weather, what departments measure, what goes wrong.

Everything is a function of the seed and the event time, except the traffic, which flows on from step to step.
Nothing here knows Kafka or the wall clock; nothing of it is seen by a processor.
"""
