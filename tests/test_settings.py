from pathlib import Path

import pytest

from telemetry.operator_errors import SettingsError
from telemetry.settings import Settings, describe, load


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
        ({"TELEMETRY_PROT": "1"}, "unknown setting `prot`"),
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
        ({"TELEMETRY_CLIENT_ADDRESS_HEADER": ""}, "setting client_address_header: '' is not the name of a header"),
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
