"""The city: its folder read, checked and watched, as arrays; and its clock. Nothing here knows Kafka or readings."""
