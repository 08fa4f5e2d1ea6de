"""Settings: the last one who speaks wins, every problem is told at once, no secret is shown."""

import pytest

from deploy.config import run as runs
from deploy.config import settings
from streams.errors import SettingError


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
    assert "[stack] prot: there is no such setting; the nearest is port" in text
    assert "[stack] speed = 0: Expected `float` > 0.0" in text
    assert "[congestoin]: no component has this name; the nearest is congestion" in text
    assert "[congestion] speed_floor: there is no such setting; the nearest is speed_floor_km_h" in text
    assert "[congestion] speed_floor_km_h = 0: Expected `float` > 0.0" in text
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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[stack]\nspeed = inf\n", "[stack] speed = inf: a finite number is needed; leave it out where there is none"),
        ("[stack]\nspeed = nan\n", "[stack] speed = nan: a finite number is needed"),
        ("[stack]\nspeed = 1e999\n", "[stack] speed = inf: a finite number is needed"),
        ("[stack]\nspeed = 1e10\n", "[stack] speed = 10000000000.0: Expected `float` <= 1000000000.0"),
        ("[slow_traffic]\nusual_s = inf\n", "[slow_traffic] usual_s = inf: a finite number is needed"),
        (f"[[threshold.rules]]\n{RULE}iv = nan\n", "[threshold] rules hot: iv = nan: a finite number is needed"),
        (f"[[threshold.rules]]\n{RULE}i = -inf\n", "[threshold] rules hot: i = -inf: a finite number is needed"),
        (f"[[threshold.rules]]\n{RULE}iv=1\non_delay_s = inf\n", "[threshold] rules hot: on_delay_s = inf: a finite"),
        (f"[stack]\nport = {'[' * 60}{']' * 60}\n", "[stack] port: brackets are nested more than 8 deep"),
    ],
)
def test_what_no_setting_can_be_is_named_with_its_place(tmp_path, text, told):
    found, problems = settings.examine(written(tmp_path, text), {})
    assert found is None
    assert len(problems) == 1
    assert told in problems[0]


def test_an_endless_speed_in_the_environment_is_refused():
    assert settings.examine(None, {"CITYWALL_SPEED": "inf"})[0] is None


def test_a_rules_file_without_its_section_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RULES", tmp_path)
    (tmp_path / "hot.toml").write_text(RULE.replace('name = "hot"\n', ""))
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
