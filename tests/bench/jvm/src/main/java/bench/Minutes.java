package bench;

import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** The open minutes of one partition: start → sums by segment number; closed ones are handed out and forgotten. */
final class Minutes {
    final TreeMap<Long, Sums> open = new TreeMap<>();
    long newestMs = Long.MIN_VALUE;

    /** Of the last reading: its minute is nearly always the next one's too. */
    private long startMs = Long.MIN_VALUE;
    private Sums current;

    void add(Reading reading) {
        long start = Job.minute(reading.atMs);
        if (start != startMs || current == null) {
            if (start + Job.MINUTE_MS + Job.GRACE_MS <= newestMs) {
                return;
            }
            startMs = start;
            current = open.computeIfAbsent(start, missing -> new Sums());
        }
        current.add(reading);
        newestMs = Math.max(newestMs, reading.atMs);
    }

    boolean hasComplete() {
        return !open.isEmpty() && open.firstKey() + Job.MINUTE_MS + Job.GRACE_MS <= newestMs;
    }

    void close(BiConsumer<Long, Sums> minute) {
        Iterator<Map.Entry<Long, Sums>> oldest = open.entrySet().iterator();
        while (hasComplete()) {
            var entry = oldest.next();
            oldest.remove();
            minute.accept(entry.getKey(), entry.getValue());
        }
        current = null;
    }
}
