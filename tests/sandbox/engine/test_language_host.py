"""The language host, judged by the engine that drives it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.engine.install import LANGUAGE_HOST
from tests.sandbox.engine.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.create(tmp_path_factory.mktemp("engine"))


def test_a_program_is_run_with_its_configuration_and_its_output_is_shown(project: Project) -> None:
    project.write("""
        import pulumi, sys
        print("said by the program")
        pulumi.log.warn("warned by the program")
        pulumi.export("greeting", pulumi.Config().require("greeting"))
        pulumi.export("stack", pulumi.get_stack())
        pulumi.export("main", sys.argv[0])
        pulumi.export("secret", pulumi.Output.secret("hush"))
    """)
    shown = project.run("up", "--yes")
    assert "said by the program" in shown
    assert "warned by the program" in shown
    assert "[secret]" in shown
    main = str(project.folder / "program")
    assert project.outputs() == {"greeting": "hello", "stack": "local", "main": main, "secret": "hush"}
    assert "hush" not in project.state()
    assert project.run("preview", "--expect-no-changes")


def test_a_clean_run_warns_of_nothing(project: Project) -> None:
    project.write("import pulumi")
    shown = project.run("preview")
    assert "warning" not in shown.lower()
    assert "Diagnostics" not in shown


def test_a_changed_configuration_reaches_the_program(project: Project) -> None:
    project.write("""
        import pulumi
        pulumi.export("greeting", pulumi.Config().require("greeting"))
        pulumi.export("password", pulumi.Config().require_secret("password"))
    """)
    project.run("config", "set", "greeting", "good day")
    project.run("config", "set", "--secret", "password", "opensesame")
    project.up()
    assert project.outputs()["greeting"] == "good day"
    assert project.outputs()["password"] == "opensesame"
    assert "opensesame" not in project.state()


def test_an_exception_is_shown_with_the_programs_own_frames_only(project: Project) -> None:
    project.write("""
        def fail():
            raise ValueError("the mistake")
        fail()
    """)
    shown = project.run("preview", fails=True)
    assert "Program failed with an unhandled exception:" in shown
    assert "ValueError: the mistake" in shown
    assert "in fail" in shown
    assert "runpy" not in shown
    assert "run_program.py" not in shown


def test_a_run_error_is_shown_as_its_message_alone(project: Project) -> None:
    project.write("""
        import pulumi
        raise pulumi.RunError("auren:domain: is missing")
    """)
    shown = project.run("preview", fails=True)
    assert "error: auren:domain: is missing" in shown
    assert "Traceback" not in shown
    assert "exit code" not in shown


def test_an_error_in_an_apply_fails_the_run(project: Project) -> None:
    project.write("""
        import pulumi
        pulumi.export("never", pulumi.Output.from_input(1).apply(lambda n: n / 0))
    """)
    assert "ZeroDivisionError" in project.up(fails=True)


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        ("sys.exit(3)", "Program exited with non-zero exit code: 3"),
        ("os.kill(os.getpid(), 9)", "Program exited unexpectedly: signal: SIGKILL"),
    ],
)
def test_a_program_that_ends_itself_fails_the_run(project: Project, ending: str, shown: str) -> None:
    project.write(f"import os, sys\n{ending}")
    assert shown in project.run("preview", fails=True)


def test_sys_exit_0_is_no_failure(project: Project) -> None:
    project.write("import sys\nsys.exit(0)")
    project.run("preview")


def test_a_missing_program_is_named(project: Project) -> None:
    (project.folder / "program" / "__main__.py").unlink(missing_ok=True)
    assert "unable to find main python program `__main__.py`" in project.run("preview", fails=True)


def test_the_projects_virtual_environment_is_used_and_a_missing_one_explained(project: Project) -> None:
    settings = project.folder / "program" / "Pulumi.yaml"
    before = settings.read_text()
    project.write("import sys, pulumi\npulumi.export('python', sys.executable)")
    try:
        settings.write_text(f"name: trial\nruntime: {{name: python, options: {{virtualenv: {Path(sys.prefix)}}}}}\n")
        project.up()
        assert project.outputs()["python"] == str(Path(sys.prefix) / "bin" / "python")
        settings.write_text("name: trial\nruntime: {name: python, options: {virtualenv: nowhere}}\n")
        shown = project.run("preview", fails=True)
        assert "python3 -m venv" in shown
        settings.write_text("name: trial\nruntime: {name: python, options: {toolchain: poetry}}\n")
        assert "no toolchain 'poetry'" in project.run("preview", fails=True)
    finally:
        settings.write_text(before)


def test_the_programs_folder_is_importable_and_the_language_hosts_is_not(project: Project) -> None:
    (project.folder / "program" / "build.py").write_text("WHOSE = 'the program'")
    project.write("import build, pulumi\npulumi.export('whose', build.WHOSE)")
    project.up()
    assert project.outputs()["whose"] == "the program"


def test_a_policy_pack_stops_a_preview(project: Project, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "__main__.py").write_text("raise RuntimeError('the pack was run')")
    project.write("import pulumi")
    assert "the pack was run" in project.run("preview", "--policy-pack", str(tmp_path), fails=True)


def test_about_names_the_interpreter_and_the_dependencies(project: Project) -> None:
    project.write("import pulumi")
    shown = project.run("about")
    assert sys.executable in shown
    assert "pulumi-command" in shown or "pulumi_command" in shown


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_quietly_when_the_engine_is_done(ending: signal.Signals) -> None:
    command = [sys.executable, str(LANGUAGE_HOST), "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as host:
        assert host.stdout
        assert int(host.stdout.readline()) > 0
        host.send_signal(ending)
        assert host.communicate(timeout=10) == (b"", b"")
        assert host.returncode == 0


def test_it_leaves_when_the_engine_was_killed() -> None:
    starter = f"{sys.executable} {LANGUAGE_HOST} 127.0.0.1:1 & sleep 1"
    # The pipe ends when the last process that holds it does: the orphaned host.
    started = subprocess.run(["sh", "-c", starter], stdout=subprocess.PIPE, timeout=20, check=True)
    assert int(started.stdout) > 0


def test_pulumi_install_makes_the_virtual_environment(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    program = project.folder / "program"
    (program / "Pulumi.yaml").write_text("name: trial\nruntime: {name: python, options: {virtualenv: own}}\n")
    (program / "requirements.txt").write_text("# nothing\n")
    project.write("import pulumi")
    project.run("install")
    assert (program / "own" / "bin" / "python").exists()
    assert "has no Pulumi SDK" in project.run("preview", fails=True)
