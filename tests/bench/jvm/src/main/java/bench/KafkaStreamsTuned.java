package bench;

import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** `kafka_streams_tuned`: Processor API, sums on the heap with a changelog, one reading object, a parser by hand. */
public final class KafkaStreamsTuned {
    public static void main(String[] args) {
        Place place = new Place(args);
        var bytes = new ByteArrayDeserializer();
        var topology = new Topology()
            .addSource("inbox", bytes, bytes, Job.INBOX)
            .addProcessor("fold", Fold::new, "inbox")
            .addStateStore(new MinutesStore.Builder(), "fold")
            .addSink("results", Job.RESULTS, new ByteArraySerializer(), new ByteArraySerializer(), "fold");
        var streams = new KafkaStreams(topology, settings(place));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static Properties settings(Place place) {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, place.application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, place.bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, place.folder.resolve("state").toString());
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        // At least once and acks=all are the defaults. State goes to the changelog once a second, as Flink's does.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        // Few large fetches, and whole polls handed to the tasks: the defaults are 1 MB, 1,000 and 1,000.
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4 << 20);
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 20_000);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        // A minute's results leave in few requests; the default batch of 16 kB holds 200 of them.
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 << 10);
        return settings;
    }

    /** Folds the readings of one partition into its minutes. */
    private static final class Fold extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Parser parser = new Parser();
        private final Reading reading = new Reading();
        private MinutesStore store;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            super.init(context);
            store = context.getStateStore(MinutesStore.NAME);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            Place.firstRecord();
            parser.parse(record.value(), reading);
            store.minutes.add(reading);
            if (store.minutes.hasComplete()) {
                store.minutes.close((startMs, sums) -> send(startMs, sums, record.timestamp()));
            }
        }

        private void send(long startMs, Sums sums, long timestamp) {
            sums.forEach((segment, flow, flowBySpeed, count) ->
                context().forward(
                    new Record<>(null, Job.result(segment, startMs, flow, flowBySpeed, count), timestamp)));
            store.closed(startMs);
        }
    }
}
