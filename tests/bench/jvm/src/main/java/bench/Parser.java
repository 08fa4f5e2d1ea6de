package bench;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The hand-written parser of the tuned peers: a flat JSON object, fields in any order, nothing allocated. */
final class Parser {
    private static final byte[] SENSOR = "sensor".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] AT = "at".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] SPEED = "speed_km_h".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] FLOW = "flow_veh_h".getBytes(StandardCharsets.ISO_8859_1);
    private static final double[] TENS = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

    private byte[] json;
    private int next;

    void parse(byte[] record, Reading into) {
        json = record;
        next = 0;
        expect('{');
        do {
            int begin = quoted();
            int end = next - 1;
            expect(':');
            if (is(AT, begin, end)) {
                into.atMs = whole();
            } else if (is(SPEED, begin, end)) {
                into.speedKmH = number();
            } else if (is(FLOW, begin, end)) {
                into.flowVehH = number();
            } else if (is(SENSOR, begin, end)) {
                into.segment = segment();
            } else {
                skip();
            }
        } while (peek() == ',' && next++ > 0);
        expect('}');
    }

    private boolean is(byte[] name, int begin, int end) {
        return Arrays.equals(json, begin, end, name, 0, name.length);
    }

    /** Passes a string without escapes; returns where its text begins, `next` stands behind its closing quote. */
    private int quoted() {
        expect('"');
        int begin = next;
        while (json[next] != '"') {
            if (json[next++] == '\\') {
                throw bad();
            }
        }
        next++;
        return begin;
    }

    /** Sensor d12 stands on segment 12. */
    private int segment() {
        int begin = quoted();
        int found = 0;
        for (int i = begin + 1; i < next - 1; i++) {
            found = found * 10 + json[i] - '0';
        }
        return found;
    }

    private long whole() {
        peek();
        long found = 0;
        int begin = next;
        while (isDigit()) {
            found = found * 10 + json[next++] - '0';
        }
        if (next == begin) {
            throw bad();
        }
        return found;
    }

    /** Digits and a fraction of up to nine: one division, so the nearest double. */
    private double number() {
        boolean negative = peek() == '-';
        if (negative) {
            next++;
        }
        long digits = whole();
        int decimals = 0;
        if (json[next] == '.') {
            next++;
            int begin = next;
            while (isDigit()) {
                digits = digits * 10 + json[next++] - '0';
            }
            decimals = next - begin;
        }
        double found = digits / TENS[decimals];
        return negative ? -found : found;
    }

    private void skip() {
        if (peek() == '"') {
            quoted();
        } else {
            while (json[next] != ',' && json[next] != '}') {
                next++;
            }
        }
    }

    private boolean isDigit() {
        return json[next] >= '0' && json[next] <= '9';
    }

    private void expect(char wanted) {
        if (peek() != wanted) {
            throw bad();
        }
        next++;
    }

    private byte peek() {
        while (json[next] == ' ') {
            next++;
        }
        return json[next];
    }

    private IllegalArgumentException bad() {
        return new IllegalArgumentException("byte " + next + " of " + new String(json, StandardCharsets.UTF_8));
    }
}
