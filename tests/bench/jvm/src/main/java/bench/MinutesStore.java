package bench;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * Minutes on the heap, written to the changelog before each commit: one record a minute, with all its sums.
 *
 * <p>Kafka Streams calls only stores that are `CachedStateStore` before it flushes its producer and commits; that
 * interface and `logChange` are internal and may change with any version. At least once: a crash may count again what
 * was read since the last commit, as with any store of Kafka Streams that does not run exactly-once.
 */
final class MinutesStore implements StateStore, CachedStateStore<Object, Object> {
    static final String NAME = "minutes";

    final Minutes minutes = new Minutes();
    private final Set<Long> closed = new HashSet<>();
    private InternalProcessorContext<?, ?> context;

    /** Call when a minute has been sent: the changelog forgets it with the next commit. */
    void closed(long startMs) {
        closed.add(startMs);
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        this.context = (InternalProcessorContext<?, ?>) context;
        context.register(root, this::restore);
    }

    private void restore(byte[] key, byte[] value) {
        long startMs = ByteBuffer.wrap(key).getLong();
        if (value == null) {
            minutes.open.remove(startMs);
            return;
        }
        ByteBuffer from = ByteBuffer.wrap(value);
        minutes.newestMs = Math.max(minutes.newestMs, from.getLong());
        minutes.open.put(startMs, Sums.decode(from));
    }

    @Override
    public void flushCache() {
        minutes.open.forEach((startMs, sums) -> {
            ByteBuffer value = ByteBuffer.allocate(Long.BYTES + sums.encodedSize()).putLong(minutes.newestMs);
            sums.encode(value);
            log(startMs, value.array());
        });
        closed.forEach(startMs -> log(startMs, null));
        closed.clear();
    }

    private void log(long startMs, byte[] value) {
        Bytes key = Bytes.wrap(ByteBuffer.allocate(Long.BYTES).putLong(startMs).array());
        context.logChange(NAME, key, value, System.currentTimeMillis(), new RecordHeaders(), Position.emptyPosition());
    }

    @Override
    public boolean setFlushListener(CacheFlushListener<Object, Object> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public void clearCache() {
        minutes.open.clear();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void close() {}

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    /** Makes one store a task, with a changelog. */
    static final class Builder implements StoreBuilder<MinutesStore> {
        @Override
        public MinutesStore build() {
            return new MinutesStore();
        }

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public boolean loggingEnabled() {
            return true;
        }

        @Override
        public Map<String, String> logConfig() {
            return new HashMap<>();
        }

        @Override
        public StoreBuilder<MinutesStore> withCachingEnabled() {
            return this;
        }

        @Override
        public StoreBuilder<MinutesStore> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<MinutesStore> withLoggingEnabled(Map<String, String> config) {
            return this;
        }

        @Override
        public StoreBuilder<MinutesStore> withLoggingDisabled() {
            throw new UnsupportedOperationException("the minutes live in their changelog");
        }
    }
}
