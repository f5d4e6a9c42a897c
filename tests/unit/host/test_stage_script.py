"""stage.sh: a release is on the machine, complete and accepted, and nothing that runs was touched."""

import pytest

from auren_infra.release_text import RELEASE_ID, Release
from tests.unit.host.bench import OWNER, Bench

SERVICE = "/opt/auren/services/api"

DOCKER = r"""
kept() { cat "$state/$1" 2>/dev/null || true; }
case "$*" in
"image inspect --format {{.Id}} api:1") [ "$(kept present)" = api:1 ] ;;
"compose "*" pull --quiet --policy missing api")
    echo "$DOCKER_CONFIG" >"$state/logins"; kept registry >&2; exit "$(kept pull)" ;;
"rm --force auren-preflight-api") ;;
"compose "*" run --rm --no-deps --no-TTY --name auren-preflight-api api-preflight")
    kept opinion >&2; exit "$(kept preflight)" ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""


def _release(**changes: object) -> Release:
    files = {"api.conf": f"line\n\n line of {RELEASE_ID}\n", "start.sh": "compose\nfile x\n"}
    compose = f"services:\n  api:\n    image: api:1\n    labels:\n      r: '{RELEASE_ID}'\n    cost: $$1\n"
    values: dict[str, object] = {"owner": OWNER, "compose": compose, "files": files, "secrets": {"key": "0123456789ab"}}
    return Release(**{**values, **changes})  # pyright: ignore[reportArgumentType]


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.state("pull", "0")
    bench.state("preflight", "0")
    done = bench.run("put_secret", f"{bench.root}{SERVICE}/secrets", "key", OWNER, data="0123456789ab\nSESAME")
    assert (done.returncode, done.stderr) == (0, "")
    bench.forget_calls()
    return bench


def _stage(bench: Bench, release: Release) -> str:
    """The id that is printed."""
    done = _try(bench, release)
    assert (done[0], done[2]) == (0, "")
    return done[1].split()[0]


def _try(bench: Bench, release: Release) -> tuple[int, str, str]:
    arguments = [f"{name}={digest}" for name, digest in release.secrets.items()]
    done = bench.run("stage", "api", *arguments, data=release.text)
    return done.returncode, done.stdout, done.stderr


def test_all_of_a_release_is_there_as_it_was_sent(engine: Bench) -> None:
    release = _release()
    assert _stage(engine, release) == release.id, "the machine and the program name it alike"
    directory = engine.path(f"{SERVICE}/releases/{release.id}")
    for path, text in release.placed.items():
        assert (directory / path).read_text() == text
        assert (directory / path).stat().st_mode & 0o777 == 0o644
    assert (directory / "secrets/key").read_text() == "SESAME"
    assert (directory / "secrets/key").stat().st_mode & 0o777 == 0o400
    assert (directory / "secrets").stat().st_mode & 0o777 == 0o500
    assert engine.path("/opt/auren/services").stat().st_mode & 0o777 == 0o700, "only root looks for secrets"


def test_each_attempt_is_told_apart(engine: Bench) -> None:
    """So the switch runs again after a deployment that failed, also when the release is the old one."""
    said = {_try(engine, _release())[1] for _ in range(2)}
    assert len(said) == 2
    assert {each.split()[0] for each in said} == {_release().id}


def test_a_second_run_keeps_every_file(engine: Bench) -> None:
    release = _release()
    _stage(engine, release)
    directory = engine.path(f"{SERVICE}/releases/{release.id}")
    before = {path: path.stat().st_ino for path in directory.rglob("*") if path.name != "text"}
    _stage(engine, release)
    assert {path: path.stat().st_ino for path in directory.rglob("*") if path.name != "text"} == before
    assert not (directory / "repaired").exists()


@pytest.mark.parametrize("damage", ["edited", "mode", "removed", "link", "directory", "added"])
def test_what_a_hand_has_done_to_a_release_is_put_right(engine: Bench, damage: str) -> None:
    release = _release()
    _stage(engine, release)
    directory = engine.path(f"{SERVICE}/releases/{release.id}")
    file = directory / "files/api.conf"
    match damage:
        case "edited":
            file.write_text("other\n")
        case "mode":
            file.chmod(0o666)
        case "removed":
            file.unlink()
        case "link":
            file.unlink()
            file.symlink_to("/etc/hostname")
        case "directory":
            file.unlink()
            (file / "x").mkdir(parents=True)
        case _:
            (directory / "files/more").write_text("x")
            (directory / "secrets").chmod(0o700)
            (directory / "secrets/more").write_text("x")
    _stage(engine, release)
    assert file.read_text() == release.placed["files/api.conf"]
    assert not file.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in (directory / "files").iterdir()} == set(release.files)
    assert [path.name for path in (directory / "secrets").iterdir()] == ["key"]
    repaired = directory / "repaired"
    assert (repaired.read_text() if repaired.exists() else "") == ("files/api.conf\n" if damage != "added" else "")


def test_another_text_or_another_secret_is_another_release(engine: Bench) -> None:
    engine.run("put_secret", f"{engine.root}{SERVICE}/secrets", "key", OWNER, data="ba9876543210\nOPEN")
    ids = {_stage(engine, _release(secrets={"key": digest})) for digest in ("0123456789ab", "ba9876543210")}
    ids.add(_stage(engine, _release(files={"api.conf": "other\n"})))
    ids.add(_stage(engine, _release(secrets={})))
    assert len(ids) == 4
    kept = engine.path(f"{SERVICE}/releases")
    assert sorted((kept / _release().id / "secrets/key").read_text().split()) == ["SESAME"], "none was changed"


def test_a_release_whose_secret_is_not_there_is_refused(engine: Bench) -> None:
    status, said, fault = _try(engine, _release(secrets={"key": "ba9876543210"}))
    assert (status, said) == (1, "")
    assert fault.startswith("api needs another secret key than this machine has. Run pulumi up without --target")
    assert engine.calls("docker") == []


def test_an_image_that_cannot_be_had_is_told(engine: Bench) -> None:
    engine.state("pull", "1")
    engine.state("registry", "manifest for api:2 not found")
    status, said, fault = _try(engine, _release())
    assert (status, said) == (1, "")
    assert "manifest for api:2 not found" in fault
    assert "The image of api could not be pulled. What ran before still runs." in fault
    assert not engine.path(f"{SERVICE}/releases/{_release().id}/text").exists(), "nobody may take it for complete"


def test_an_image_is_pulled_with_the_logins_of_the_registries(engine: Bench) -> None:
    _stage(engine, _release())
    assert (engine.root / "state/logins").read_text() == f"{engine.root}/etc/auren/registries\n"


def test_an_image_is_whole_on_the_disk_before_anything_starts_from_it(engine: Bench) -> None:
    """Docker takes an image that a power cut has left with holes for whole ever after."""
    _stage(engine, _release(preflight="api-preflight"))
    _, pull, image, _, run, release = engine.calls("docker", "sync")
    assert " pull " in pull
    assert image == "sync --file-system /var/lib/docker"
    assert " run " in run
    assert release == f"sync --file-system {SERVICE}/releases/{_release(preflight='api-preflight').id}"


def test_an_image_that_is_there_is_not_pulled_but_flushed(engine: Bench) -> None:
    """An earlier run may have been cut after its pull."""
    release = _release()
    engine.state("present", "api:1")
    engine.state("pull", "1")
    assert _stage(engine, release) == release.id
    assert engine.calls("docker", "sync") == [
        "docker image inspect --format {{.Id}} api:1",
        "sync --file-system /var/lib/docker",
        f"sync --file-system {SERVICE}/releases/{release.id}",
    ]


def test_an_image_of_another_name_is_pulled(engine: Bench) -> None:
    engine.state("present", "api:0")
    _stage(engine, _release())
    assert [call for call in engine.calls("docker compose") if " pull " in call]


def test_a_release_that_its_preflight_refuses_is_not_complete(engine: Bench) -> None:
    release = _release(preflight="api-preflight")
    engine.state("preflight", "1")
    engine.state("opinion", 'unknown directive "evnts"')
    status, said, fault = _try(engine, release)
    assert (status, said) == (1, "")
    assert fault.startswith('unknown directive "evnts"')
    assert fault.endswith("api does not accept its new configuration. What ran before still runs.\n")
    assert not engine.path(f"{SERVICE}/releases/{release.id}/text").exists()
    engine.state("preflight", "0")
    assert _stage(engine, release) == release.id


def test_a_release_without_a_preflight_starts_nothing(engine: Bench) -> None:
    _stage(engine, _release())
    assert [call for call in engine.calls("docker compose", "docker run", "docker rm") if " pull " not in call] == []


def test_a_secret_is_kept_beside_the_one_before(engine: Bench) -> None:
    """The release before may need it."""
    done = engine.run("put_secret", f"{engine.root}{SERVICE}/secrets", "key", OWNER, data="ba9876543210\nOPEN\nLINE")
    assert (done.returncode, done.stderr) == (0, "")
    found = {path.name: path.read_text() for path in engine.path(f"{SERVICE}/secrets").iterdir()}
    assert found == {"key.0123456789ab": "SESAME", "key.ba9876543210": "OPEN\nLINE"}
    assert engine.path(f"{SERVICE}/secrets").stat().st_mode & 0o777 == 0o700


def test_a_secret_that_somebody_changed_is_right_again_in_every_release(engine: Bench) -> None:
    release = _release()
    _stage(engine, release)
    secret = engine.path(f"{SERVICE}/releases/{release.id}/secrets/key")
    secret.chmod(0o644)
    secret.write_text("OTHER")
    engine.run("put_secret", f"{engine.root}{SERVICE}/secrets", "key", OWNER, data="0123456789ab\nSESAME")
    assert secret.read_text() == "SESAME"
    assert secret.stat().st_mode & 0o777 == 0o400
