"""The stage that hosts the alarm engine on Kafka: detections, commands and city versions in, journal and alarms out."""
