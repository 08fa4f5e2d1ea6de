package bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/** `kafka_streams`: as its documentation writes it: DSL, Jackson, windows in RocksDB, suppressed until they close. */
public final class KafkaStreamsDsl {
    private static final ObjectMapper JSON = new ObjectMapper();

    record Row(
        String sensor,
        long at,
        @JsonProperty("speed_km_h") double speedKmH,
        @JsonProperty("flow_veh_h") double flowVehH,
        @JsonProperty("occupancy_ratio") double occupancyRatio) {}

    record Minute(double flow, double flowBySpeed, long count) {
        Minute plus(Row row) {
            return new Minute(
                flow + row.flowVehH, flowBySpeed + Job.flowBySpeed(row.flowVehH, row.speedKmH), count + 1);
        }
    }

    record Result(int segment, @JsonProperty("at_ms") long atMs, double tti, long count) {}

    public static void main(String[] args) {
        Place place = new Place(args);
        var builder = new StreamsBuilder();
        builder
            .stream(Job.INBOX, Consumed.with(Serdes.String(), json(Row.class)).withTimestampExtractor(KafkaStreamsDsl::at))
            .groupByKey(Grouped.with(Serdes.String(), json(Row.class)))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(Job.MINUTE_MS), Duration.ofMillis(Job.GRACE_MS)))
            .aggregate(
                () -> new Minute(0, 0, 0),
                (sensor, row, minute) -> minute.plus(row),
                Materialized.with(Serdes.String(), json(Minute.class)))
            .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
            .toStream()
            .process(Finish::new)
            .to(Job.RESULTS, Produced.with(Serdes.String(), json(Result.class)));
        var streams = new KafkaStreams(builder.build(), settings(place));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    /** The rest as Kafka Streams has it: at least once, acks=all, one thread, a 10 MB cache before store and changelog. */
    private static Properties settings(Place place) {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, place.application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, place.bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, place.folder.resolve("state").toString());
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        // Sums wait in the cache for a commit before windows see them and close: with the default, for up to 30 s.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        // The changelog's records carry event times months ago; with the default of a day Kafka would delete them.
        settings.put(StreamsConfig.WINDOW_STORE_CHANGE_LOG_ADDITIONAL_RETENTION_MS_CONFIG, Duration.ofDays(3650).toMillis());
        return settings;
    }

    private static long at(ConsumerRecord<Object, Object> record, long partitionTime) {
        return ((Row) record.value()).at;
    }

    /** A map that stamps results with now: Kafka deletes a record stamped with an event time months ago. */
    private static final class Finish extends ContextualProcessor<Windowed<String>, Minute, String, Result> {
        @Override
        public void process(Record<Windowed<String>, Minute> closed) {
            String sensor = closed.key().key();
            Minute minute = closed.value();
            var result = new Result(
                Integer.parseInt(sensor.substring(1)),
                closed.key().window().start(),
                Job.tti(minute.flow, minute.flowBySpeed),
                minute.count);
            context().forward(new Record<>(sensor, result, System.currentTimeMillis()));
        }
    }

    private static <T> Serde<T> json(Class<T> type) {
        return Serdes.serdeFrom((topic, value) -> write(value), (topic, bytes) -> read(bytes, type));
    }

    private static byte[] write(Object value) {
        try {
            return value == null ? null : JSON.writeValueAsBytes(value);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static <T> T read(byte[] bytes, Class<T> type) {
        Place.firstRecord();
        try {
            return bytes == null ? null : JSON.readValue(bytes, type);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
