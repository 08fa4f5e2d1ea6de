"""The stage that hosts the alarm engine on Kafka: detections and commands in, journal and alarms out."""
