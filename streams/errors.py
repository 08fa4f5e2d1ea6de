"""Every error CityWall raises on purpose.

CityError
├── ConfigError            a setting, city file or schema is wrong: says where, what and the cure
│   ├── SettingError       a key or value of the configuration
│   ├── CityFileError      a feature or field of a city folder
│   └── SchemaError        a column of a domain's schema file
├── ServerError            Kafka, Redis or InfluxDB cannot be used: says which, where and the cure
│   ├── UnreachableError   nobody answers there
│   └── RefusedError       it answers and refuses (credentials, retention, type)
├── FrameError             bytes on an internal topic are not what this version writes
├── ExactnessError         a promise of the engine would be broken, so the process must end
└── SumOverflowError       an exact int64 sum left its range

Bad readings are no errors: they are values, see `streams.records.DeadLetter`.
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
    """Nobody answers at the server's address."""


class RefusedError(ServerError):
    """The server answers and refuses."""


class FrameError(CityError):
    """Bytes on an internal topic are not what this version writes."""


class ExactnessError(CityError):
    """Going on would lose or repeat a reading, so the process must end and be restarted."""


class SumOverflowError(CityError):
    """An exact sum left the range of int64."""
