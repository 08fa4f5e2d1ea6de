"""What is computed: one file a processor, pure; `maths/` holds what they share.

A processor is a module with a `SPEC` (see `streams.contract.spec`); it is found by its file name, no list names it.
Nothing here knows Kafka, Faust, clocks or files.
"""
