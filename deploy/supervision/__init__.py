"""The processes of a city: how they are started, watched, judged and ended, and where they keep things."""
