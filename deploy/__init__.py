"""How CityWall runs: command line, settings, embedded servers, supervisor, sample city, images. It computes nothing."""
