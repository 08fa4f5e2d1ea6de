package bench;

/** What the job needs of a reading. The tuned peers fill one again and again; public fields make it a POJO for Flink. */
public final class Reading {
    public int segment;
    public long atMs;
    public double speedKmH;
    public double flowVehH;
}
