package bench;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** One minute's sums by segment number, which is dense: arrays, not a map. */
final class Sums {
    private static final int ROW = Integer.BYTES + Long.BYTES + 2 * Double.BYTES;

    private double[] flow = new double[0];
    private double[] flowBySpeed = new double[0];
    private long[] count = new long[0];

    interface Row {
        void accept(int segment, double flow, double flowBySpeed, long count);
    }

    void add(Reading reading) {
        int segment = reading.segment;
        reserve(segment);
        flow[segment] += reading.flowVehH;
        flowBySpeed[segment] += Job.flowBySpeed(reading.flowVehH, reading.speedKmH);
        count[segment]++;
    }

    void forEach(Row row) {
        for (int segment = 0; segment < count.length; segment++) {
            if (count[segment] > 0) {
                row.accept(segment, flow[segment], flowBySpeed[segment], count[segment]);
            }
        }
    }

    void encode(ByteBuffer into) {
        forEach((segment, flow, flowBySpeed, count) ->
            into.putInt(segment).putDouble(flow).putDouble(flowBySpeed).putLong(count));
    }

    int encodedSize() {
        return ROW * (int) Arrays.stream(count).filter(one -> one > 0).count();
    }

    static Sums decode(ByteBuffer from) {
        var sums = new Sums();
        while (from.hasRemaining()) {
            int segment = from.getInt();
            sums.reserve(segment);
            sums.flow[segment] = from.getDouble();
            sums.flowBySpeed[segment] = from.getDouble();
            sums.count[segment] = from.getLong();
        }
        return sums;
    }

    private void reserve(int segment) {
        if (segment >= count.length) {
            int length = Math.max(segment + 1, count.length * 2);
            flow = Arrays.copyOf(flow, length);
            flowBySpeed = Arrays.copyOf(flowBySpeed, length);
            count = Arrays.copyOf(count, length);
        }
    }
}
