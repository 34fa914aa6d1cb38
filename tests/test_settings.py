import os
import re
import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from hokusai_mlflow.errors import InputError
from hokusai_mlflow.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("HOKUSAI_", "MLFLOW_")):
            monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home").prepare()


def _key_file(settings):
    return settings.home / "keys" / "split-digits.key"


def test_the_split_key_is_made_once_and_kept(settings):
    key = settings.split_key("digits", None)
    assert len(key) == 32
    assert settings.split_key("digits", None) == key
    assert Settings(home=settings.home).split_key("digits", None) == key


def test_every_model_and_every_home_has_a_key_of_its_own(settings, tmp_path):
    other = Settings(home=tmp_path / "other").prepare()
    keys = {
        settings.split_key("digits", None),
        settings.split_key("letters", None),
        other.split_key("digits", None),
    }
    assert len(keys) == 3


def test_the_key_and_its_folder_are_the_owners_alone(settings):
    settings.split_key("digits", None)
    assert stat.S_IMODE(_key_file(settings).stat().st_mode) == 0o600
    assert stat.S_IMODE(_key_file(settings).parent.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(settings.home.stat().st_mode) & 0o077 == 0


def test_no_draft_of_a_key_is_left_behind(settings):
    settings.split_key("digits", None)
    assert [path.name for path in _key_file(settings).parent.iterdir()] == ["split-digits.key"]


def test_a_given_key_is_used_and_not_written_down(settings):
    assert settings.split_key("digits", SecretStr("mine")) == b"mine"
    assert not _key_file(settings).exists()


def test_the_key_appears_whole_or_not_at_all(settings, monkeypatch):
    """Another process sees no file, or all of it, at every moment of the first call."""
    seen = []
    for name in ("write", "fsync", "link", "open", "fdopen", "unlink"):
        original = getattr(os, name)

        def watched(*given, _original=original, **options):
            seen.append(_key_file(settings).read_text() if _key_file(settings).exists() else None)
            result = _original(*given, **options)
            seen.append(_key_file(settings).read_text() if _key_file(settings).exists() else None)
            return result

        monkeypatch.setattr(os, name, watched)
    settings.split_key("digits", None)
    assert None in seen
    assert all(text is None or re.fullmatch("[0-9a-f]{64}", text) for text in seen)


def test_whoever_is_second_takes_the_first_ones_key(settings, monkeypatch):
    first = "ab" * 32
    original = os.link

    def too_late(source, target):
        Path(target).write_text(first)
        original(source, target)

    monkeypatch.setattr(os, "link", too_late)
    assert settings.split_key("digits", None) == bytes.fromhex(first)
    assert _key_file(settings).read_text() == first


def test_many_at_once_agree_on_one_key(settings):
    barrier, keys = threading.Barrier(8), []

    def ask():
        barrier.wait()
        keys.append(settings.split_key("digits", None))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "ab" * 33])
def test_a_damaged_key_is_an_error_and_not_another_cut(settings, text):
    settings.split_key("digits", None)
    _key_file(settings).write_text(text)
    with pytest.raises(InputError, match="damaged; restore it"):
        settings.split_key("digits", None)
    assert _key_file(settings).read_text() == text


def test_embedded_stores_are_in_the_home(settings):
    assert settings.mlflow_uri == f"sqlite:///{settings.home}/mlflow.db"
    assert settings.ledger == f"sqlite:///{settings.home}/ledger.db"
    assert settings.artifact_root == f"file://{settings.home}/artifacts"


def test_stores_named_by_the_environment_are_used(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert settings.mlflow_uri == "http://mlflow:5000"
    assert settings.artifact_root is None
    monkeypatch.setenv("HOKUSAI_TRACKING_URI", "http://other:5000")
    monkeypatch.setenv("HOKUSAI_LEDGER_URL", "postgresql://db/hokusai")
    given = Settings(home=settings.home)
    assert (given.mlflow_uri, given.ledger) == ("http://other:5000", "postgresql://db/hokusai")


def test_secrets_of_the_environment_are_not_shown(settings, monkeypatch):
    secret = "0x" + "5e" * 32
    for name in ("SIGNER_KEY", "SIGNER_PASSPHRASE", "ORACLE_KEYS"):
        monkeypatch.setenv(f"HOKUSAI_{name}", secret)
    given = Settings(home=settings.home)
    assert given.signer_key.get_secret_value() == secret
    for shown in (repr(given), str(given), given.model_dump_json()):
        assert secret not in shown


def test_what_may_hold_a_password_is_not_shown(tmp_path):
    secret = "correct-horse"
    settings = Settings(
        home=tmp_path,
        ledger_url=f"postgresql+pg8000://me:{secret}@db/ledger",
        rpc_url=f"https://node.example/v3/{secret}",
        tracking_uri=f"https://me:{secret}@mlflow.example",
    )
    assert secret not in repr(settings)
    assert secret not in str(settings)
