"""What things are called in the sample city, in Chinese and in English; all of it invented."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.feeds.sample_city.generator.streets import Road


CITY = Name("云澜市", "Yunlan")
RIVER = Name("澜江", "Lan River")
LAKE = Name("镜湖", "Mirror Lake")

ZONES = (
    ("wenlan", Name("文澜区", "Wenlan")),
    ("linjiang", Name("临江区", "Linjiang")),
    ("dongdu", Name("东渡区", "Dongdu")),
    ("yuntai", Name("云台区", "Yuntai")),
    ("xiping", Name("西屏区", "Xiping")),
    ("nantang", Name("南塘区", "Nantang")),
    ("zechuan", Name("泽川区", "Zechuan")),
    ("qinghe", Name("青禾区", "Qinghe")),
    ("beilu", Name("北麓区", "Beilu")),
    ("jinghu", Name("镜湖区", "Jinghu")),
    ("songling", Name("松岭区", "Songling")),
    ("tongxi", Name("桐溪区", "Tongxi")),
    ("lanwan", Name("澜湾新区", "Lanwan New Area")),
    ("gaoxin", Name("高新区", "High-Tech Zone")),
)
"""(id, name) in the order of `terrain.zone_of`."""

RINGS = (
    Name("一环路", "First Ring"),
    Name("二环快速路", "Second Ring Expressway"),
    Name("三环快速路", "Third Ring Expressway"),
)
RADIALS = (
    Name("朝阳大道", "Chaoyang Avenue"),
    Name("东岭大道", "Dongling Avenue"),
    Name("北辰大道", "Beichen Avenue"),
    Name("云台大道", "Yuntai Avenue"),
    Name("镜湖大道", "Jinghu Avenue"),
    Name("金秋大道", "Jinqiu Avenue"),
    Name("松岭大道", "Songling Avenue"),
    Name("南薰大道", "Nanxun Avenue"),
    Name("海晏大道", "Haiyan Avenue"),
)
BANKS = (Name("滨江西路", "West Riverside Road"), Name("滨江东路", "East Riverside Road"))

STEMS = tuple(
    Name(*pair.split(":"))
    for pair in (
        "文汇:Wenhui 明德:Mingde 竹园:Zhuyuan 松溪:Songxi 白鹭:Bailu 清源:Qingyuan "
        "春晖:Chunhui 秋实:Qiushi 兰亭:Lanting 观澜:Guanlan 听雨:Tingyu 望岳:Wangyue "
        "书院:Shuyuan 钟楼:Zhonglou 鼓巷:Guxiang 织锦:Zhijin 瓷器:Ciqi 银杏:Yinxing "
        "梧桐:Wutong 海棠:Haitang 枫林:Fenglin 荷塘:Hetang 柳荫:Liuyin 桂香:Guixiang "
        "梅坞:Meiwu 石桥:Shiqiao 渡口:Dukou 码头:Matou 盐仓:Yancang 米市:Mishi "
        "丝绸:Sichou 茶园:Chayuan 学府:Xuefu 科创:Kechuang 创新:Chuangxin 星辰:Xingchen "
        "云帆:Yunfan 远航:Yuanhang 锦绣:Jinxiu 和平:Heping 建业:Jianye 长宁:Changning "
        "永安:Yongan 康宁:Kangning 泰和:Taihe 瑞丰:Ruifeng 金穗:Jinsui 银河:Yinhe "
        "碧波:Bibo 翠微:Cuiwei 紫云:Ziyun 丹霞:Danxia 青莲:Qinglian 玉泉:Yuquan "
        "龙泉:Longquan 凤栖:Fengqi 鹤鸣:Heming 雁归:Yangui 鹿苑:Luyuan 麒麟:Qilin "
        "百草:Baicao 百花:Baihua 千帆:Qianfan 万象:Wanxiang 双溪:Shuangxi 三桥:Sanqiao "
        "四方:Sifang 五洲:Wuzhou 六合:Liuhe 七星:Qixing"
    ).split()
)


def road_names(roads: Sequence[Road]) -> list[Name]:
    """Name every road: 路 where it runs north to south, 街 where it runs east to west."""
    known = {"ring": RINGS, "radial": RADIALS, "bank": BANKS}
    used = {"路": 0, "街": 0}
    names = []
    for road in roads:
        if road.kind in known:
            names.append(known[road.kind][road.index])
            continue
        (x0, y0), (x1, y1) = road.line[0], road.line[-1]
        suffix, english = ("路", "Road") if math.fabs(y1 - y0) > math.fabs(x1 - x0) else ("街", "Street")
        # the two kinds take the stems from opposite ends, so that few stems stand for both
        at = used[suffix] if suffix == "路" else len(STEMS) - 1 - used[suffix]
        stem = STEMS[at % len(STEMS)]
        used[suffix] += 1
        names.append(Name(f"{stem.zh}{suffix}", f"{stem.en} {english}"))
    return names


def between(road: Name, start: Name | None, end: Name | None, zone: Name) -> Name:
    """Name a piece of road by the roads it runs between, or else by its zone."""
    if start is None and end is None:
        return Name(f"{road.zh}（{zone.zh}）", f"{road.en} ({zone.en})")
    if start is None or end is None:
        near = start or end
        assert near is not None  # noqa: S101 - for the type checker; the case above took both
        return Name(f"{road.zh}（近{near.zh}）", f"{road.en} (near {near.en})")
    return Name(f"{road.zh}（{start.zh}至{end.zh}）", f"{road.en} ({start.en} to {end.en})")
