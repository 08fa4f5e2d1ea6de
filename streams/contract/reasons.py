"""Why a reading is a dead letter: the reasons, and what people call them."""

from __future__ import annotations

from streams.contract.name import Name

REASONS = {
    "undecodable": Name("无法解码", "Not JSON"),
    "empty": Name("空记录", "Empty record"),
    "not_an_object": Name("不是对象", "Not an object"),
    "no_sensor": Name("缺少传感器", "No sensor"),
    "no_time": Name("缺少时间", "No time"),
    "bad_time": Name("时间无效", "Time not understood"),
    "wrong_type": Name("类型错误", "Wrong type"),
    "not_finite": Name("非有限数", "Not a finite number"),
    "out_of_range": Name("超出范围", "Out of range"),
    "unknown_sensor": Name("未知传感器", "Unknown sensor"),
    "future": Name("时间在未来", "Time in the future"),
    "too_late": Name("迟到过久", "Too late"),
    "bad_frame": Name("内部帧损坏", "Frame not readable"),
    "refused_by_history": Name("历史库拒收", "Refused by the history"),
    "bad_signal": Name("官方预警无法读取", "Official signal not readable"),
}
"""Reason of a dead letter → what it is called. Intake gives all but the last four, in the order of its checks;
`bad_frame` is a record of an internal topic that nobody of this version wrote, `refused_by_history` what the store
does not take, `bad_signal` a CAP document or message that cannot be read."""
