"""Settings: the last one who speaks wins, every problem is told at once, no secret is shown."""

import pytest

from deploy.config import run as runs
from deploy.config import settings
from streams.errors import SettingError
from tests.written_rules import RECORD, RECORD_KEYS


def written(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_in_force_and_each_processor_has_its_section():
    found = settings.load(None, {})
    assert (found.stack.port, found.stack.speed, found.stack.kafka) == (8050, 1.0, "")
    assert found.components["congestion"]["speed_floor_km_h"] == 5.0


def test_file_overrides_defaults_and_environment_overrides_the_file(tmp_path):
    path = written(tmp_path, "[stack]\nport = 9000\nspeed = 60\n[congestion]\nspeed_floor_km_h = 3\n")
    found = settings.load(path, {"CITYWALL_PORT": "9001"})
    assert (found.stack.port, found.stack.speed) == (9001, 60.0)
    assert found.components["congestion"]["speed_floor_km_h"] == 3.0
    assert settings.load(None, {"CITYWALL_CONFIG": str(path)}).stack.port == 9000


def test_every_problem_is_told_at_once_with_the_nearest_name(tmp_path):
    path = written(
        tmp_path,
        "[stack]\nprot = 1\nspeed = 0\n[congestoin]\nx = 1\n[congestion]\nspeed_floor = 30\nspeed_floor_km_h = 0\n",
    )
    found, problems = settings.examine(path, {"CITYWALL_PORT": "many"})
    assert found is None
    assert len(problems) == 6
    text = "\n".join(problems)
    assert "[stack] prot: there is no such setting; the nearest is 'port'" in text
    assert "[stack] speed: a number above 0 and at most 1,000,000,000 is needed, not 0" in text
    assert "[congestoin]: no component has this name; the nearest is 'congestion'" in text
    assert "[congestion] speed_floor: there is no such setting; the nearest is 'speed_floor_km_h'" in text
    assert "[congestion] speed_floor_km_h: a number above 0 is needed, not 0" in text
    assert "CITYWALL_PORT = 'many': a number is needed" in text
    with pytest.raises(SettingError, match=r"prot"):
        settings.load(path, {})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"port = 1", "settings stand in a section"),
        (b"[stack", "cannot be read"),
        (
            b"[stack]\nport = " + b"[" * 100_000,
            "my.toml: cannot be read: its brackets are nested too deeply",
        ),
        ("[stack]\nport = 1\n".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        (b'[stack]\nkafka = "\xe4"\n', r"line 2 is not UTF-8 \(byte 0xe4\); save it as UTF-8"),
        (b"[stack]\nport = " + b"9" * 5000, "cannot be read"),
    ],
    ids=["no section", "no TOML", "deep", "UTF-16", "Latin 1", "endless"],
)
def test_file_that_is_no_settings_is_refused(tmp_path, data, told):
    path = tmp_path / "my.toml"
    path.write_bytes(data)
    with pytest.raises(SettingError, match=told):
        settings.load(path, {})


def test_a_byte_order_mark_is_taken(tmp_path):
    assert settings.load(written(tmp_path, "\ufeff[stack]\nport = 9000\n"), {}).stack.port == 9000


RULE = 'name = "hot"\ndomain = "weather"\ncolumn = "temperature_c"\nbasis = "local"\nreference = "own choice"\n'
RULE += RECORD


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[stack]\nspeed = inf\n",
            "[stack] speed: a finite number is needed, not inf; leave the key out where there is",
        ),
        ("[stack]\nspeed = nan\n", "[stack] speed: a finite number is needed, not nan"),
        ("[stack]\nspeed = 1e999\n", "[stack] speed: a finite number is needed, not inf"),
        (
            "[stack]\nspeed = 1e10\n",
            "[stack] speed: a number above 0 and at most 1,000,000,000 is needed, not 10000000000.0",
        ),
        ("[stack]\nport = '80'\n", "[stack] port: a whole number from 0 to 65,535 is needed, not '80'; write 80"),
        ("[stack]\nport = '70000'\n", "[stack] port: a whole number from 0 to 65,535 is needed, not '70000'"),
        ("[stack]\nkernel = 1\n", "[stack] kernel: true or false is needed, not 1"),
        ("[stack]\ninflux_token = 123456\n", "[stack] influx_token: a text is needed, not '••••••'"),
        ("[slow_traffic]\nusual_s = inf\n", "[slow_traffic] usual_s: a finite number is needed, not inf"),
        ("[slow_traffic]\nslow_ratio = 1\n", "slow_ratio: a number above 0 and below 1 is needed, not 1"),
        ("[slow_traffic]\nslow_count = 2.5\n", "slow_count: a whole number from 1 is needed, not 2.5"),
        ("[feed_health]\nsteady_columns = 'a'\n", "steady_columns: a list, each a text, is needed, not 'a'"),
        ("[feed_health]\nsteady_columns = ['a', nan]\n", "steady_columns: a finite number is needed, not nan"),
        (f"[stack]\nport = {'[' * 60}{']' * 60}\n", "[stack] port: brackets are nested more than 8 deep"),
    ],
)
def test_what_no_setting_can_be_is_named_with_its_place(tmp_path, text, told):
    found, problems = settings.examine(written(tmp_path, text), {})
    assert found is None
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{RULE}iv = nan\n", "rule hot: iv: a finite number is needed, not nan"),
        (f"{RULE}i = -inf\n", "rule hot: i: a finite number is needed, not -inf"),
        (f"{RULE}iv = 1\non_delay_s = inf\n", "rule hot: on_delay_s: a finite number is needed, not inf"),
        (f"{RULE}iiv = 1\niv = 1\n", "rule hot: iiv: there is no such key; the nearest is 'iv'"),
        (f"{RULE}xyz = 1\niv = 1\n", "rule hot: xyz: there is no such key; there are name, enabled, domain"),
        (f"{RULE}iv = '36,5'\n", "rule hot: iv: a number is needed, not '36,5'; write 36.5"),
        (f"{RULE}iv = 1\ndead_band = -1\n", "rule hot: dead_band: a number from 0 is needed, not -1"),
        (f"{RULE}iv = 1\nsense = 'abov'\n", "sense: one of above, below is needed, not 'abov'; the nearest is 'above'"),
        (RULE.replace('"weather"', "3") + "iv = 1\n", "rule hot: domain: a text is needed, not 3"),
        (RULE.replace('"weather"', '"wether"') + "iv = 1\n", "rule hot: domain: there is none called 'wether'"),
        (
            RULE.replace('column = "temperature_c"\n', "") + "iv = 1\n",
            "rule hot: column: a text is needed; nothing stands",
        ),
        (
            RULE.replace('name = "hot"\n', "") + "iv = 1\n",
            "rule number 1: name: a text is needed; nothing stands there",
        ),
        (RULE.replace('"hot"', "3") + "iv = 1\n", "rule number 1: name: a text is needed, not 3"),
        (RULE, "rule hot: at least one of iv, iii, ii, i is needed"),
    ],
)
def test_a_rule_of_the_settings_that_is_wrong_is_named_with_its_key_and_the_cure(tmp_path, text, told):
    path = written(tmp_path, f"[[threshold.rules]]\n{text}")
    _, problems = settings.examine(path, {})
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}: [threshold] rule ")
    assert told in problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules = 3", "[threshold] rules: a list of tables is needed, not 3"),
        (
            "rules = [3]",
            "[threshold] rule number 1: a table is needed, not 3; write [[threshold.rules]] above its keys",
        ),
        ("rules = {name = 'hot'}", "[threshold] rules: a list of tables is needed, not {'name': 'hot'}"),
    ],
)
def test_rules_that_are_none_say_how_they_are_written(tmp_path, text, told):
    _, problems = settings.examine(written(tmp_path, f"[threshold]\n{text}\n"), {})
    assert len(problems) == 1
    assert told in problems[0]


def test_every_problem_of_every_rule_of_the_settings_is_told_at_once(tmp_path):
    rules = [f"{RULE}ivv = 1\niv = true\n", RULE.replace("hot", "odd"), f"{RULE.replace('hot', 'fine')}iv = 1\n"]
    _, problems = settings.examine(written(tmp_path, "".join(f"[[threshold.rules]]\n{one}" for one in rules)), {})
    assert [one.partition("[threshold] ")[2].partition(": ")[::2] for one in problems] == [
        ("rule hot", "ivv: there is no such key; the nearest is 'iv'"),
        ("rule hot", "iv: a number is needed, not true"),
        ("rule odd", "at least one of iv, iii, ii, i is needed"),
    ]


def ships(tmp_path, monkeypatch):
    """A folder of rules in the place of those that come along."""
    folder = tmp_path / "rules"
    folder.mkdir()
    monkeypatch.setattr(settings.shipped, "FOLDER", folder)
    return folder


def test_a_mistake_is_looked_for_where_it_stands(tmp_path, monkeypatch):
    """A rule's own file, the file that the user chose, or the environment."""
    folder = ships(tmp_path, monkeypatch)
    nameless = RULE.replace('name = "hot"\n', "").replace(RECORD, "") + "iv = 1\n"
    (folder / "hot.toml").write_text(f"[rule]\n{nameless}iii = '2'\n[record]\n{RECORD_KEYS}")
    (folder / "odd.toml").write_text("[rule]\n" + nameless.replace("weather", "wether") + f"[record]\n{RECORD_KEYS}")
    (folder / "bare.toml").write_text("[rule]\n" + nameless)
    chosen = written(tmp_path, "[workers]\nintake = 0\n[stack]\nport = 'a'\nspeed = 0\n")
    _, problems = settings.examine(chosen, {"CITYWALL_PORT": "70000"})
    assert sorted(one.partition(": ")[0] for one in problems) == sorted(
        ["CITYWALL_PORT", *map(str, (*(folder / f"{name}.toml" for name in ("hot", "odd", "bare")), chosen, chosen))]
    )


def test_a_rule_twice_or_nearly_called_so_is_one_sentence(tmp_path):
    twice = '[[threshold.rules]]\nname = "heat"\niv = 36\n' * 2
    _, problems = settings.examine(written(tmp_path, f'{twice}[[threshold.rules]]\nname = "heatt"\niv = 36\n'), {})
    assert [one.partition("[threshold] ")[2][:60] for one in problems] == [
        "rule heat: the name stands there twice",
        "rule heatt: there is no rule 'heatt'; did you mean 'heat'? I",
    ]


def test_a_file_that_is_no_toml_is_a_problem_like_any_other(tmp_path):
    found, problems = settings.examine(written(tmp_path, "[stack"), {})
    assert found is None
    assert problems[0].startswith(f"{tmp_path / 'my.toml'}: cannot be read: ")


def test_an_endless_speed_in_the_environment_is_refused():
    assert settings.examine(None, {"CITYWALL_SPEED": "inf"})[0] is None


def test_a_rules_file_without_its_section_is_named(tmp_path, monkeypatch):
    (ships(tmp_path, monkeypatch) / "hot.toml").write_text(RULE.replace('name = "hot"\n', ""))
    with pytest.raises(SettingError, match=r"hot.toml.*section"):
        settings.load(None, {})


def test_token_comes_from_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    environment = {"CITYWALL_INFLUX_TOKEN_FILE": str(tmp_path / "token"), "CITYWALL_INFLUX": "http://h:8086"}
    found = settings.load(None, environment)
    assert found.stack.influx_token == (tmp_path / "token").read_text().strip()
    assert "s3cret" not in settings.masked(found)
    assert settings.MASK in settings.masked(found)
    address = runs.history_address(found.stack, tmp_path, replay=True)
    assert address == "http://h:8086?org=citywall&bucket=citywall&token=s3cret&replay=1"


def test_a_token_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "token").write_bytes(b"\xff\xfes\x00")
    with pytest.raises(SettingError, match=r"CITYWALL_INFLUX_TOKEN_FILE = .*token: cannot be read: it is not UTF-8"):
        settings.load(None, {"CITYWALL_INFLUX_TOKEN_FILE": str(tmp_path / "token")})


def test_influx_without_a_token_says_how_to_give_one(tmp_path):
    found = settings.load(None, {"CITYWALL_INFLUX": "http://h:8086"})
    with pytest.raises(SettingError, match="CITYWALL_INFLUX_TOKEN"):
        runs.history_address(found.stack, tmp_path, replay=False)


def test_history_is_a_file_of_the_data_folder_by_default(tmp_path):
    assert runs.history_address(settings.load(None, {}).stack, tmp_path, replay=False) == str(
        tmp_path / "history.sqlite"
    )


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN", "LC_ALL": "C"}, "en"), ({}, "en")],
)
def test_language_is_the_terminals(environment, language):
    assert settings.language(environment) == language


def test_a_part_has_one_process_unless_the_settings_say_more(tmp_path):
    assert settings.load(None, {}).workers == settings.Workers(intake=1, processors=1)
    found = settings.load(written(tmp_path, "[workers]\nintake = 3\n"), {})
    assert (found.workers.intake, found.workers.processors) == (3, 1)
    assert "[workers]\nintake = 3" in settings.masked(found)
    _, problems = settings.examine(written(tmp_path, "[workers]\nalarms = 2\nintake = 0\n"), {})
    assert len(problems) == 2
