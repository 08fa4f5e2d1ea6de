"""The plain pandas computation of Aarhus' traffic measures: from the raw files and the text of docs/methods alone.

Nothing of the pipeline is imported here, on purpose.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "aarhus_citypulse"
ALL_LINKS = "traffic_all449_2014-08-20.csv.gz"
SEVENTY_LINKS = "traffic_70links_2014-08.csv.gz"
WEATHER = "AarhusWeatherData0.stream.gz"
PARKING = "AarhusParkingData.stream.gz"


def rows_of(day: str, file: str, stamp: str = "TIMESTAMP") -> pd.DataFrame:
    """The rows of a UTC day, in file order, with their time in `at`."""
    rows = pd.read_csv(DATA / file)
    rows["at"] = pd.to_datetime(rows[stamp], format="ISO8601")
    return rows[rows["at"].dt.strftime("%Y-%m-%d") == day].reset_index(drop=True)


def links() -> pd.DataFrame:
    """Per REPORT_ID: length_km, free_flow_km_h (docs/replay.md)."""
    meta = pd.read_csv(DATA / "trafficMetaData.csv").set_index("REPORT_ID")
    plausible = meta["NDT_IN_KMH"].between(10, 130)
    of_type = meta[plausible].groupby("ROAD_TYPE")["NDT_IN_KMH"].median()
    return pd.DataFrame(
        {
            "length_km": meta["DISTANCE_IN_METERS"] / 1000,
            "free_flow_km_h": meta["NDT_IN_KMH"].where(plausible, meta["ROAD_TYPE"].map(of_type)),
        }
    )


def travel(rows: pd.DataFrame) -> pd.DataFrame:
    """Per link and minute: vht, free_vht, vkt, vehicles (tti.md, delay.md); only minutes with a reading that counts."""
    once = rows.drop_duplicates(["REPORT_ID", "at"], keep="first")
    flow, speed = once["vehicleCount"] * 12, once["avgSpeed"]
    used = once[(flow > 0) & (speed > 0)].join(links(), on="REPORT_ID")
    flow, slowest = used["vehicleCount"] * 12, np.maximum(used["avgSpeed"], 5)
    per_reading = pd.DataFrame(
        {
            "link": used["REPORT_ID"].astype(str),
            "minute": used["at"].dt.floor("min"),
            "vht": flow / slowest * used["length_km"] / 60,
            "free_vht": flow / used["free_flow_km_h"] * used["length_km"] / 60,
            "vkt": flow * used["length_km"] / 60,
            "vehicles": flow / 60,
        }
    )
    return per_reading.groupby(["link", "minute"], as_index=False).mean()


def sums(minutes: pd.DataFrame, by: str, floor: str) -> pd.DataFrame:
    """Added up over the minutes of a window and over what has the same `by`."""
    at = minutes["minute"].dt.floor(floor).rename("at")
    return minutes.groupby([by, at])[["vht", "free_vht", "vkt", "vehicles"]].sum()


def measured(sums: pd.DataFrame) -> pd.DataFrame:
    """tti_ratio, speed_km_h, delay_s and tpi of rows of sums."""
    tti = np.maximum(sums["vht"] / sums["free_vht"], 1)
    lost_h = np.maximum((sums["vht"] - sums["free_vht"]) / sums["vehicles"], 0)
    speed = sums["vkt"] / sums["vht"]
    return pd.DataFrame({"tti_ratio": tti, "speed_km_h": speed, "delay_s": lost_h * 3600, "tpi": tti.map(tpi)})


def delay_of_links(sums: pd.DataFrame) -> pd.Series:
    """delay_s of single links, indexed by (link, time), by the first formula of delay.md."""
    speed = sums["vkt"] / sums["vht"]
    road = links()
    road = road.set_index(road.index.astype(str)).reindex(sums.index.get_level_values(0)).set_index(sums.index)
    return np.maximum(road["length_km"] / speed - road["length_km"] / road["free_flow_km_h"], 0) * 3600


def tpi(tti_ratio: float) -> float:
    """tpi.md."""
    share = 1 - 1 / tti_ratio
    bins = ((0.7, 1.0, 8), (0.6, 0.7, 6), (0.5, 0.6, 4), (0.3, 0.5, 2), (0.0, 0.3, 0))
    low, high, index = next(one for one in bins if share >= one[0] - 1e-9)
    return index + 2 * max(share - low, 0) / (high - low)
