package bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Where a peer runs, as the bench tells it (BOOTSTRAP FOLDER PROCESS), and the mark it leaves at its first record. */
final class Place {
    /** Static, because Kafka and Flink make the objects that see the first record by themselves. */
    private static volatile Path first;

    final String bootstrap;
    final Path folder;
    /** Of this run alone: a group that a killed run left behind would hold the next one up. */
    final String application;

    Place(String[] args) {
        bootstrap = args[0];
        folder = Path.of(args[1]).toAbsolutePath();
        application = "bench-" + folder.getFileName();
        first = folder.resolve(args[2] + ".first");
    }

    /** Note the CPU time used so far, once: what comes before is start-up and does not count. */
    static void firstRecord() {
        if (first != null) {
            writeFirst();
        }
    }

    private static synchronized void writeFirst() {
        if (first == null) {
            return;
        }
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        String note = "{\"cpu_s\": %s, \"wall\": %s}".formatted(
            system.getProcessCpuTime() / 1e9, System.currentTimeMillis() / 1e3);
        try {
            Path part = Files.writeString(first.resolveSibling(first.getFileName() + ".part"), note);
            Files.move(part, first, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        first = null;
    }
}
