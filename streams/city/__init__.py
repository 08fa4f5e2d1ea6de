"""The city: its folder as checked data, and its clock."""
