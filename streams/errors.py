"""Every error CityWall raises on purpose.

CityError
├── ConfigError            a setting, city file or schema is wrong: says where, what and the cure
│   ├── SettingError       a key or value of the configuration
│   ├── CityFileError      a feature or field of a city folder
│   └── SchemaError        a column of a domain's schema file
├── ServerError            Kafka, Redis or InfluxDB cannot be used: says which, where and the cure
│   ├── UnreachableError   nobody answers there, or not now
│   │   ├── UnresolvedError    no name server knows its name
│   │   └── UntrustedError     it shows no certificate that is trusted
│   └── RefusedError       it answers and refuses (credentials, retention, type)
│       └── RowsRefusedError   it refuses these rows, and takes others
├── FrameError             bytes on an internal topic are not what this version writes
├── NewerError             a newer CityWall wrote them: the process ends and leaves them to it
├── ProcessorError         a processor's own code failed; the stage notes it and ends
├── ExactnessError         a promise of the engine would be broken, so the process must end
└── SumOverflowError       an exact int64 sum left its range

Bad readings are no errors: they are values, see `streams.contract.records.DeadLetter`.
"""


class CityError(Exception):
    """Root of the tree; `str()` of it is a sentence for the user: the thing, the value, the cure."""


class ConfigError(CityError):
    """Something a person wrote in a file or on the command line is wrong."""


class SettingError(ConfigError):
    """A configuration key or value is refused."""


class CityFileError(ConfigError):
    """A city folder cannot be used: the message names file, feature and field."""


class SchemaError(ConfigError):
    """A domain's schema file cannot be used."""


class ServerError(CityError):
    """A server this city needs cannot be used."""


class UnreachableError(ServerError):
    """Nobody answers at the server's address, or it says that it cannot now."""

    def __init__(self, sentence: str, retry_after_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
        """So long it asks not to be asked again."""


class UnresolvedError(UnreachableError):
    """No name server knows the server's name."""


class UntrustedError(UnreachableError):
    """The server shows no certificate that is trusted."""


class RefusedError(ServerError):
    """The server answers and refuses."""


class RowsRefusedError(RefusedError):
    """The server takes others, but not all of these rows."""

    def __init__(self, sentence: str, count: int | None = None) -> None:
        super().__init__(sentence)
        self.count = count
        """How many of them, None = it does not tell."""


class FrameError(CityError):
    """Bytes on an internal topic are not what this version writes."""


class NewerError(CityError):
    """A record of an internal topic was written by a newer CityWall: to pass over it would lose what it says."""


class ProcessorError(CityError):
    """A processor's own code failed."""

    def __init__(self, processor: str, reason: str) -> None:
        super().__init__(f"processor {processor} failed: {reason}")
        self.processor = processor
        self.reason = reason


class ExactnessError(CityError):
    """Going on would lose or repeat a reading, so the process must end and be restarted."""


class SumOverflowError(CityError):
    """An exact sum left the range of int64."""
