package bench;

import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/** `flink_tuned`: the DataStream API on one slot in this process, object reuse, a parser by hand. */
public final class FlinkTuned {
    public static void main(String[] args) throws Exception {
        Place place = new Place(args);
        var flink = StreamExecutionEnvironment.createLocalEnvironment(1, settings(place));
        var source = KafkaSource.<Reading>builder()
            .setBootstrapServers(place.bootstrap)
            .setTopics(Job.INBOX)
            .setGroupId(place.application)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setProperties(consumer())
            .setDeserializer(new Parsed())
            .build();
        var sink = KafkaSink.<byte[]>builder()
            .setBootstrapServers(place.bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            // Without the event time that Flink would stamp them with: Kafka deletes a record from months ago.
            .setRecordSerializer((result, context, atMs) -> new ProducerRecord<>(Job.RESULTS, result))
            .build();
        var watermarks = WatermarkStrategy.<Reading>forBoundedOutOfOrderness(Duration.ofMillis(Job.GRACE_MS))
            .withTimestampAssigner((reading, sentAt) -> reading.atMs);
        // With one slot all readings of a key are here: keyBy would only serialize them on their way to the same thread.
        DataStreamUtils.reinterpretAsKeyedStream(
                flink.fromSource(source, watermarks, "inbox"), reading -> reading.segment, Types.INT)
            .window(TumblingEventTimeWindows.of(Duration.ofMillis(Job.MINUTE_MS)))
            .aggregate(new Fold(), new Finish())
            .sinkTo(sink);
        flink.execute();
    }

    private static Configuration settings(Place place) {
        var settings = new Configuration();
        // Operators hand on the one reading that the parser fills; by default each would get a copy.
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        // Sums are on the heap (Flink's default) and once a second in a file; without this line Flink would keep
        // nothing. The sink is at least once, with acks=all.
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1));
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, place.folder.resolve("checkpoints").toUri().toString());
        return settings;
    }

    private static Properties consumer() {
        var settings = new Properties();
        // Few large fetches and polls: the defaults are 500 records and 1 MB.
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "20000");
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, String.valueOf(4 << 20));
        return settings;
    }

    private static final class Parsed implements KafkaRecordDeserializationSchema<Reading> {
        private transient Parser parser;
        private transient Reading reading;

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Reading> out) {
            if (parser == null) {
                Place.firstRecord();
                parser = new Parser();
                reading = new Reading();
            }
            parser.parse(record.value(), reading);
            out.collect(reading);
        }

        @Override
        public TypeInformation<Reading> getProducedType() {
            return TypeInformation.of(Reading.class);
        }
    }

    /** One segment's sums of one minute. */
    public static final class Sum {
        public double flow;
        public double flowBySpeed;
        public long count;
    }

    private static final class Fold implements AggregateFunction<Reading, Sum, Sum> {
        @Override
        public Sum createAccumulator() {
            return new Sum();
        }

        @Override
        public Sum add(Reading reading, Sum sum) {
            sum.flow += reading.flowVehH;
            sum.flowBySpeed += Job.flowBySpeed(reading.flowVehH, reading.speedKmH);
            sum.count++;
            return sum;
        }

        @Override
        public Sum getResult(Sum sum) {
            return sum;
        }

        @Override
        public Sum merge(Sum one, Sum other) {
            throw new UnsupportedOperationException("tumbling windows do not merge");
        }
    }

    private static final class Finish extends ProcessWindowFunction<Sum, byte[], Integer, TimeWindow> {
        @Override
        public void process(Integer segment, Context context, Iterable<Sum> sums, Collector<byte[]> out) {
            Sum sum = sums.iterator().next();
            out.collect(Job.result(segment, context.window().getStart(), sum.flow, sum.flowBySpeed, sum.count));
        }
    }
}
