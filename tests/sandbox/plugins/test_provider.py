"""The machinery of all plugins, judged by the engine: one toy plugin, one throw-away stack a test."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.engine import write_launcher
from tests.sandbox.engine.project import Project

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    """The toy cloud: a JSON file a car."""
    folder = tmp_path / "cars"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path: Path, cars: Path) -> Project:
    launcher = tmp_path / "home" / "plugins" / "resource-toy-v1.0.0" / "pulumi-resource-toy"
    plugin = Path(__file__).parent / "toy" / "plugin.py"
    write_launcher(launcher, Path(sys.executable), [str(plugin), str(cars)])
    return Project.create(tmp_path, PYTHONPATH=str(ROOT))


def program(*lines: str) -> str:
    return "\n".join(["import pulumi", "from tests.sandbox.plugins.toy.sdk import Car", *lines])


def the_car(cars: Path) -> tuple[Path, dict[str, object]]:
    (file,) = cars.iterdir()
    return file, json.loads(file.read_text())


def test_the_life_of_a_resource(project: Project, cars: Path) -> None:
    project.write(program('car = Car("car", model="T")', 'pulumi.export("plate", car.plate)'))
    preview = project.run("preview", "--diff")
    assert "[unknown]" in preview or "output<string>" in preview
    assert list(cars.iterdir()) == [], "a preview makes nothing"
    project.up()
    file, made = the_car(cars)
    assert made["seats"] == 4, "the default becomes an input"
    assert project.outputs()["plate"] == made["plate"]
    name = made["name"]
    assert isinstance(name, str)
    assert name.startswith("car-")
    assert len(name) == len("car-") + 7

    project.run("up", "--yes", "--expect-no-changes")
    project.write(program('car = Car("car", model="T", seats=2)'))
    diff = project.run("preview", "--diff")
    assert "seats: 4 => 2" in diff
    project.up()
    file_after, changed = the_car(cars)
    assert file_after == file
    assert changed["name"] == name, "a generated name is kept"
    assert (changed["seats"], changed["mileage"]) == (2, 1)

    project.run("destroy", "--yes", "--skip-preview")
    assert list(cars.iterdir()) == []


def test_a_property_that_cannot_change_replaces_and_a_given_name_deletes_first(project: Project, cars: Path) -> None:
    project.write(program('Car("car", model="T")', 'Car("van", model="T", name="the van")'))
    project.up()
    project.write(program('Car("car", model="S")', 'Car("van", model="S", name="the van")'))
    assert 'model: "T" => "S"' in project.run("preview", "--diff")
    shown = project.up()
    car_made, car_gone = shown.index("car creating replacement"), shown.index("car deleting original")
    van_made, van_gone = shown.index("van creating replacement"), shown.index("van deleting original")
    assert car_made < car_gone, "create first, under a new generated name"
    assert van_gone < van_made, "delete first: the given name is still taken"
    assert len(list(cars.iterdir())) == 2


def test_wrong_inputs_are_all_reported_before_anything_is_made(project: Project, cars: Path) -> None:
    wheels = '[{"spokes": ["x"]}, {"radius": "1.5"}]'
    project.write(program(f'Car("a", seats="many", colour="red", wheels={wheels})'))
    shown = project.up(fails=True)
    assert 'The argument "model" is required' in shown
    assert "expected integer, got string. Examine values at 'a.seats'" in shown
    assert 'An argument named "colour" is not expected here' in shown
    assert "Examine values at 'a.wheels[0].radius'" in shown
    assert "expected integer, got string. Examine values at 'a.wheels[1].radius'" in shown
    project.write(program('Car("b", model="T", seats=0)'))
    assert "a car has a seat. Examine values at 'b.seats'" in project.run("preview", fails=True)
    assert list(cars.iterdir()) == []


def test_only_what_differs_is_a_change(project: Project) -> None:
    project.write(program('Car("car", model="T", labels=["a", "b"], notes={"x": "1", "a b": "2"}, owner="me")'))
    project.up()
    same = 'Car("car", model="T", labels=["b", "a"], notes={"x": "1", "a b": "2"}, fast=False, seats="4")'
    project.write(program(same))
    project.run("preview", "--expect-no-changes")

    changed = """Car("car", model="T", labels=["b", "c"], notes={"x": "one", "a b": "2"}, wheels=[{"radius": 3}])"""
    project.write(program(changed))
    diff = project.run("preview", "--diff")
    assert '"a"' in diff
    assert '"c"' in diff
    assert '"b"' not in diff, "what stays in the set is not shown"
    assert '"1" => "one"' in diff
    assert "wheels" in diff


def test_what_drifted_is_shown_and_put_right(project: Project, cars: Path) -> None:
    project.write(program('Car("car", model="T", seats=2, notes={"x": "1"})'))
    project.up()
    project.run("preview", "--refresh", "--expect-no-changes")
    file, car = the_car(cars)
    file.write_text(json.dumps(car | {"seats": 5, "fast": True, "owner": "a thief"}))
    diff = project.run("preview", "--diff", "--refresh")
    assert "seats: 5 => 2" in diff
    assert "- fast : true" in diff, "somebody set what the program leaves alone"
    project.run("refresh", "--yes")
    project.up()
    assert the_car(cars)[1]["seats"] == 2
    file.unlink()
    assert "1 to create" in project.run("preview", "--refresh")


def test_secrets_are_never_in_plain(project: Project) -> None:
    project.write(
        program(
            'secret = pulumi.Output.secret("hush-hush")',
            'car = Car("car", model="T", notes={"open": "plain-note", "shut": secret}, labels=["open-label", secret])',
            'pulumi.export("key", car.key)',
            'pulumi.export("notes", car.notes)',
        )
    )
    shown = project.run("up", "--yes", "--diff")
    assert "hush-hush" not in shown + project.state()
    assert "k3y" not in shown + project.state(), "the schema says that it is secret"
    assert "plain-note" in project.state()
    assert project.outputs()["key"] == "k3y"
    shown = project.run("preview", "--refresh", "--diff", "--expect-no-changes")
    assert "hush-hush" not in shown + project.state()


def test_a_refusal_is_one_clean_message(project: Project, cars: Path) -> None:
    project.write(program('Car("car", model="T", fails="before")'))
    shown = project.up(fails=True)
    assert "error: the factory is on strike" in shown
    assert "Traceback" not in shown
    assert "RefusedError" not in shown
    assert list(cars.iterdir()) == []


def test_what_was_made_before_a_failure_is_kept_and_finished_next_time(project: Project, cars: Path) -> None:
    project.write(program('Car("car", model="T", fails="after")'))
    shown = project.up(fails=True)
    assert "the tyres are flat" in shown
    assert "the paint is drying" in shown
    file, _ = the_car(cars)
    assert project.resource("car")["id"] == file.stem
    project.write(program('Car("car", model="T")'))
    project.up()
    assert the_car(cars)[0] == file, "the same car, not a second one"
    project.run("preview", "--expect-no-changes")


def test_a_failed_update_changes_nothing_in_the_state(project: Project) -> None:
    project.write(program('Car("car", model="T")'))
    project.up()
    project.write(program('Car("car", model="T", seats=3, fails="now")'))
    assert "the garage is closed" in project.up(fails=True)
    assert project.resource("car")["outputs"]["seats"] == 4
    project.write(program('Car("car", model="T", seats=3)'))
    assert "seats: 4 => 3" in project.run("preview", "--diff")


def test_an_interrupted_create_is_kept(project: Project, cars: Path) -> None:
    project.write(program('Car("car", model="T", fails="slowly")'))
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=project.folder / "program",
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(cars.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=40)
    assert time.monotonic() - started < 30
    assert process.returncode != 0
    assert "the operation was cancelled" in shown
    assert project.resource("car")["id"] == the_car(cars)[0].stem


def test_a_resource_is_imported(project: Project, cars: Path) -> None:
    (cars / "c0ffee.json").write_text(
        json.dumps({"name": "old", "model": "T", "seats": 4, "plate": "P", "key": "k3y", "mileage": 9, "owner": "me"})
    )
    project.write(program('Car("car", model="T", name="old", opts=pulumi.ResourceOptions(import_="c0ffee"))'))
    project.up()
    assert project.resource("car")["id"] == "c0ffee"
    project.write(program('Car("car", model="T", name="old")'))
    project.run("preview", "--expect-no-changes")


def test_options_that_the_engine_takes_care_of(project: Project) -> None:
    project.write(program('Car("car", model="T", seats=2)'))
    project.up()
    project.write(program('Car("car", model="S", seats=2, opts=pulumi.ResourceOptions(ignore_changes=["model"]))'))
    project.run("preview", "--expect-no-changes")
    project.write(program('Car("car", model="T", seats=3, opts=pulumi.ResourceOptions(replace_on_changes=["seats"]))'))
    assert "1 to replace" in project.run("preview")


def test_what_stands_on_a_replaced_resource_is_made_anew_with_it(project: Project) -> None:
    lines = (
        'base = Car("base", model="T", opts=pulumi.ResourceOptions(delete_before_replace=%s))',
        "on_it = pulumi.ResourceOptions(replace_with=[base], deleted_with=base)",
        'Car("rider", model="T", opts=on_it)',
    )
    for first in (True, False):
        project.write(program(*lines) % first)
        project.up()
        before = {name: project.resource(name)["id"] for name in ("base", "rider")}
        project.up("--replace", project.resource("base")["urn"])
        assert all(project.resource(name)["id"] != old for name, old in before.items())


def test_functions_answer_or_refuse(project: Project) -> None:
    invoke = 'pulumi.runtime.invoke("toy:index/getShelf:getShelf", {%s}, pulumi.InvokeOptions(version="1.0.0")).value'
    project.write(program(f"""pulumi.export("boxes", {invoke % '"room": "cellar"'}["boxes"])"""))
    project.up()
    assert project.outputs() == {"boxes": 3}
    project.write(program(invoke % '"room": "attic"'))
    assert "nobody goes to the attic" in project.run("preview", fails=True)
    project.write(program(invoke % ""))
    assert 'The argument "room" is required' in project.run("preview", fails=True)


def test_a_plugin_leaves_when_the_engine_is_gone(cars: Path) -> None:
    plugin = [sys.executable, str(Path(__file__).parent / "toy" / "plugin.py"), str(cars), "127.0.0.1:1"]
    parent = [sys.executable, "-c", f"import subprocess; subprocess.Popen({plugin!r}).wait()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(parent, env=environment, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert int(engine.stdout.readline()) > 0, "the port that it listens on"
        engine.kill()
        started = time.monotonic()
        assert engine.stdout.read() == "", "its end of the pipe is closed"
        assert time.monotonic() - started < 20
