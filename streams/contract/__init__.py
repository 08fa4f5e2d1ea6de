"""The data and protocols that parts hand to each other: records, frames, stages, processors. No Kafka, no Faust."""
