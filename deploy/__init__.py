"""How CityWall runs: command line, settings, embedded servers, supervisor, sample city, images. No arithmetic on readings."""
