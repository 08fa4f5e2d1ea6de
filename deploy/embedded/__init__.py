"""The servers CityWall brings along: Apache Kafka on the Java of a wheel, Valkey from a wheel. No topics, no parts."""
