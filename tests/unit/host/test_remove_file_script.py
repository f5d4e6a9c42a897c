"""remove_file.sh: what is not wanted any more goes, and nothing else."""

from tests.unit.host.bench import OWNER, Bench


def test_a_file_goes_with_its_draft_and_the_directory_that_it_was_alone_in(bench: Bench) -> None:
    bench.stub("sync")
    path = bench.path("/etc/auren/registries/config.json")
    bench.run("put_file", str(path), "0600", OWNER, data="{}")
    path.with_name("config.json.new").write_text("half")
    for _ in range(2):
        done = bench.run("remove_file", str(path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not path.parent.exists()
        assert path.parents[1].exists()


def test_a_file_that_is_not_alone_goes_alone(bench: Bench) -> None:
    bench.stub("sync")
    path, other = bench.path("/etc/auren/registries/config.json"), bench.path("/etc/auren/registries/other")
    for each in (path, other):
        bench.run("put_file", str(each), "0600", OWNER, data="{}")
    assert bench.run("remove_file", str(path)).returncode == 0
    assert not path.exists()
    assert other.exists()
