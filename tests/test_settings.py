from pathlib import Path

import pytest

from telemetry.cli.arguments import FilePath
from telemetry.loading import gather, load
from telemetry.operator_errors import SettingsError
from telemetry.settings import Settings, describe


def test_defaults_serve_a_checkout() -> None:
    settings = load({}, {})

    assert (settings.environment, settings.host, settings.port) == ("development", "127.0.0.1", 8787)
    assert settings.synchronous == "FULL"


def test_the_environment_chooses_defaults() -> None:
    assert load({}, {"TELEMETRY_ENVIRONMENT": "production"}).data_dir == "/var/lib/drift-telemetry/production"
    assert load({"environment": "canary"}, {}).data_dir == "/var/lib/drift-telemetry/canary"
    assert load({"environment": "staging", "data_dir": "here"}, {}).data_dir == "here"


def test_flags_are_stronger_than_variables_and_variables_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port = 1\nhost = '::1'\nflush_interval_s = 2.5\n")
    variables = {"TELEMETRY_CONFIG": str(file), "TELEMETRY_PORT": "2", "TELEMETRY_HOST": "0.0.0.0", "HOME": "/"}

    settings = load({"port": "3", "host": None}, variables)

    assert (settings.port, settings.host, settings.flush_interval_s) == (3, "0.0.0.0", 2.5)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TELEMETRY_PORT": "many"}, "setting port: "),
        ({"TELEMETRY_PORT": "70000"}, "setting port: expected `int` <= 65535"),
        ({"TELEMETRY_ENVIRONMENT": "../test"}, "setting environment: expected `str` matching regex"),
        ({"TELEMETRY_RETENTION_DAYS": "0"}, "setting retention_days: expected `int` >= 1"),
        ({"TELEMETRY_RETENTION_DAYS": "36501"}, "setting retention_days: expected `int` <= 36500"),
        (
            {"TELEMETRY_RETENTION_DAYS": "34", "TELEMETRY_ENVIRONMENT": "production"},
            "setting retention_days: 34 is too short, public numbers are made of four weeks",
        ),
        ({"TELEMETRY_FLUSH_INTERVAL_S": "0"}, "setting flush_interval_s: "),
        ({"TELEMETRY_SYNCHRONOUS": "OFF"}, "setting synchronous: "),
        ({"TELEMETRY_RATE_LIMIT_REQUESTS_PER_MINUTE": "-1"}, "setting rate_limit_requests_per_minute: "),
        ({"TELEMETRY_TRUSTED_PROXIES": "localhost"}, "setting trusted_proxies: 'localhost' does not appear to be"),
        ({"TELEMETRY_CLIENT_ADDRESS_HEADER": "X-Real-IP:"}, "setting client_address_header: 'X-Real-IP:' is not the"),
        ({"TELEMETRY_TRUSTED_PROXIES": "::1,10.0.0.1/8"}, "setting trusted_proxies: 10.0.0.1/8 has host bits set"),
    ],
)
def test_an_unknown_or_malformed_setting_is_a_clear_error(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({}, variables)
    assert str(error.value).startswith(message)


def test_a_settings_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the settings file"):
        load({}, {}, tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("port =")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load({}, {}, broken)


def test_every_setting_is_described_and_has_a_default() -> None:
    described = describe()

    assert [setting.name for setting in described] == list(Settings.__struct_fields__)
    assert all(setting.description.endswith((".", "...")) for setting in described)


def test_a_batch_or_a_body_that_could_never_be_taken_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match="batch_events_max: it must not be above queue_events_max"):
        load({"batch_events_max": 500, "queue_events_max": 100}, {})
    with pytest.raises(SettingsError, match="body_bytes_max: it must not be above queue_bytes_max"):
        load({"body_bytes_max": 2_000, "queue_bytes_max": 1_000}, {})


def test_a_settings_file_may_list_the_addresses_of_a_setting_that_has_several(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("host = ['::1', '127.0.0.1']\ntrusted_proxies = ['10.0.0.0/8', '::1/128']\n")
    listed = load({}, {}, file)

    assert (listed.host, listed.trusted_proxies) == ("::1, 127.0.0.1", "10.0.0.0/8, ::1/128")
    for wrong, said in (
        ("host = [1]", 'setting host: give text, or a list of texts such as ["a", "b"]: '),
        ("host = []", "setting host: "),
        ("[host]", "setting host: give text, or a list of texts"),
        ("port = [1, 2]", "setting port: give one value: "),
        ("trusted_proxies = ['localhost']", "setting trusted_proxies: 'localhost' does not appear"),
    ):
        file.write_text(wrong)
        with pytest.raises(SettingsError) as error:
            load({}, {}, file)
        assert str(error.value).startswith(said)


def test_an_error_names_the_value_and_where_it_was_given(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port = 70000\nprot = 1\n")
    given = gather({"synchronous": "NO"}, {"TELEMETRY_RETENTION_DAYS": "x", "TELEMETRY_ID_KEY": "secret"}, file)
    sentences = [problem.sentence for problem in given.problems]

    assert any(sentence.endswith(f"{file} says 70000") for sentence in sentences)
    assert any(sentence.endswith("--synchronous says 'NO'") for sentence in sentences)
    assert any(sentence.endswith("TELEMETRY_RETENTION_DAYS says 'x'") for sentence in sentences)
    assert f"unknown setting `prot` in {file}: did you mean port?" in sentences
    assert "secret" not in " ".join(sentences)
    # What is wrong has its default.
    assert given.settings == Settings()


def test_variables_that_are_not_settings_or_links_of_containers_are_ignored_and_named() -> None:
    given = gather({}, {"TELEMETRY_PROT": "1", "TELEMETRY_DISABLED": "1", "TELEMETRY_PORT": "tcp://10.96.12.7:8787"})

    assert (given.settings, given.problems) == (Settings(), [])
    assert given.ignored == [
        "TELEMETRY_PROT is not a setting and ignored: did you mean TELEMETRY_PORT?",
        "TELEMETRY_DISABLED is not a setting and ignored",
        "TELEMETRY_PORT is 'tcp://10.96.12.7:8787', the link of a container, and ignored",
    ]


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port = 1\n")
    variables = dict.fromkeys(("TELEMETRY_PORT", "TELEMETRY_DATA_DIR", "TELEMETRY_X", "TELEMETRY_ID_KEY"), "")

    assert load({}, variables, file) == Settings(port=1)
    assert load({}, {"TELEMETRY_CONFIG": ""}) == Settings()


def test_a_tilde_is_the_home_directory_wherever_a_folder_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "settings.toml").write_text("data_dir = '~/here'")

    assert load({}, {"TELEMETRY_CONFIG": "~/settings.toml"}).data_dir == f"{tmp_path}/here"
    assert load({"data_dir": "~/there"}, {}).data_dir == f"{tmp_path}/there"
    assert FilePath(path_type=Path).convert("~/backups", None, None) == tmp_path / "backups"


def test_what_is_wrong_and_not_needed_stops_nobody() -> None:
    variables = {"TELEMETRY_PORT": "many", "TELEMETRY_DATA_DIR": "there"}

    assert load({}, variables, needed=["data_dir"]).data_dir == "there"
    with pytest.raises(SettingsError, match="setting port"):
        load({}, variables)


def test_a_credential_that_cannot_be_read_is_an_error_with_its_reason_where_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "admin_token").mkdir()
    variables = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert load({}, variables).admin_token == ""
    with pytest.raises(SettingsError, match=r"admin_token \(Is a directory\)"):
        load({"admin_port": 1}, variables)
