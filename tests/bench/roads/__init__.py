"""A road of our own making whose incidents are known, for `citywall evaluate`: it tells of such a road, not of life."""
