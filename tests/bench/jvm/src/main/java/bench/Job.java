package bench;

import java.nio.charset.StandardCharsets;

/** What is computed, the same for every peer: per segment and minute of event time a travel time index. */
final class Job {
    static final String INBOX = "city.inbox.v1.traffic";
    static final String RESULTS = "bench.results";
    static final long MINUTE_MS = 60_000;
    /** A minute closes this long after its end: no reading of the job is later. */
    static final long GRACE_MS = 5_000;

    private static final double FREE_FLOW_KM_H = 60.0;
    private static final double SPEED_FLOOR_KM_H = 5.0;

    private Job() {}

    static long minute(long atMs) {
        return atMs - Math.floorMod(atMs, MINUTE_MS);
    }

    static double flowBySpeed(double flowVehH, double speedKmH) {
        return flowVehH / Math.max(speedKmH, SPEED_FLOOR_KM_H);
    }

    static double tti(double flow, double flowBySpeed) {
        return Math.max(FREE_FLOW_KM_H * flowBySpeed / flow, 1.0);
    }

    /** One result in the form of the bench, written by hand. */
    static byte[] result(int segment, long atMs, double flow, double flowBySpeed, long count) {
        String json = "{\"segment\":" + segment + ",\"at_ms\":" + atMs + ",\"tti\":" + tti(flow, flowBySpeed)
            + ",\"count\":" + count + "}";
        return json.getBytes(StandardCharsets.ISO_8859_1);
    }
}
