"""The scripts behind the Makefile, run with stand-ins for the programs of the system."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: What the scripts use and the stand-ins do not replace.
TOOLS = ("bash", "dirname", "sed", "expand", "cat", "sort", "find", "sha256sum", "cut")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str, str], None]:
    """A folder of programs that is the whole PATH; call it to add a stand-in with a shell body."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (programs / tool).symlink_to(found)

    def add(name: str, body: str) -> None:
        path = programs / name
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    return add


@pytest.fixture
def run(tmp_path: Path, machine: Callable[[str, str], None]) -> Run:
    """Runs one script of ours with that PATH only."""

    def call(script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tmp_path / "bin" / "bash", ROOT / "scripts" / script, *arguments],
            env={"PATH": str(tmp_path / "bin"), **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def python_that_is(version: tuple[int, int]) -> str:
    """The body of a stand-in that answers the version check of find_python.sh."""
    return f"exit {0 if (3, 11) <= version <= (3, 13) else 1}"


def test_the_first_python_that_runs_is_taken(run: Run, machine: Callable[[str, str], None], tmp_path: Path) -> None:
    machine("python3.11", "echo 'there is no such version' >&2; exit 127")
    machine("python3.12", python_that_is((3, 12)))
    machine("python3.13", python_that_is((3, 13)))
    done = run("find_python.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/bin/python3.12\n", "")


def test_no_python_is_one_sentence(run: Run, machine: Callable[[str, str], None]) -> None:
    machine("python3", python_that_is((3, 9)))
    done = run("find_python.sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("unmask: there is no Python 3.11, 3.12 or 3.13 here")
    assert len(done.stderr.splitlines()) == 1


def test_a_python_that_was_named_and_is_wrong_is_refused(run: Run, machine: Callable[[str, str], None]) -> None:
    machine("python3.11", python_that_is((3, 11)))
    machine("old", python_that_is((3, 9)))
    done = run("find_python.sh", PYTHON="old")
    assert (done.returncode, done.stdout) == (1, "")
    assert "PYTHON=old" in done.stderr


@pytest.fixture
def bare(machine: Callable[[str, str], None], tmp_path: Path) -> Path:
    """A Linux without any of the libraries, which notes what its package manager is asked to do."""
    calls = tmp_path / "calls"
    calls.write_text("", encoding="utf-8")
    machine("uname", "echo Linux")
    machine("ldconfig", "echo '\tlibc.so.6 (libc6,x86-64) => /lib/libc.so.6'")
    machine("id", "echo 1000")
    machine("apt-get", f'echo "$@" >>{calls}')
    return calls


def test_an_ordinary_user_is_told_the_exact_command(run: Run, bare: Path) -> None:
    done = run("system_libraries.sh")
    assert done.returncode == 1
    assert "sudo apt-get install --no-install-recommends libgl1 " in done.stderr
    assert "libxcb-cursor0" in done.stderr
    assert "xvfb" not in done.stderr
    assert bare.read_text(encoding="utf-8") == ""


def test_the_tests_need_more_than_the_program(run: Run, bare: Path, machine: Callable[[str, str], None]) -> None:
    machine("openbox", "exit 0")
    words = run("system_libraries.sh", "test").stderr.split()
    assert {"libgl1", "xvfb", "xdotool", "x11-utils"} <= set(words)
    assert "openbox" not in words


def test_root_installs_what_is_missing(run: Run, bare: Path, machine: Callable[[str, str], None]) -> None:
    machine("id", "echo 0")
    machine("ldconfig", "echo '\tlibGL.so.1 (libc6,x86-64) => /lib/libGL.so.1'")
    assert run("system_libraries.sh").returncode == 0
    asked = bare.read_text(encoding="utf-8").splitlines()
    assert len(asked) == 1
    assert "libegl1" in asked[0].split()
    assert "libgl1" not in asked[0].split()


def test_package_lists_are_fetched_when_an_install_fails(
    run: Run, bare: Path, machine: Callable[[str, str], None]
) -> None:
    machine("id", "echo 0")
    machine("apt-get", f'echo "$@" >>{bare}; grep -q update {bare}')
    machine("grep", f'exec {shutil.which("grep")} "$@"')
    assert run("apt_install.sh", "a thing", "libthing1").returncode == 0
    asked = bare.read_text(encoding="utf-8").splitlines()
    assert [("update" in line, "libthing1" in line) for line in asked] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_an_install_that_fails_twice_is_a_failure(run: Run, bare: Path, machine: Callable[[str, str], None]) -> None:
    machine("id", "echo 0")
    machine("apt-get", "exit 100")
    assert run("apt_install.sh", "a thing", "libthing1").returncode != 0


def test_a_complete_machine_is_left_alone(run: Run, bare: Path, machine: Callable[[str, str], None]) -> None:
    listed = (ROOT / "scripts" / "system_libraries.sh").read_text(encoding="utf-8").split()
    libraries = [word for word in listed if ".so." in word]
    assert len(libraries) > 20
    machine("ldconfig", "\n".join(f"echo '\t{name} (libc6,x86-64) => /lib/{name}'" for name in libraries))
    done = run("system_libraries.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_check_can_be_left_out(run: Run, bare: Path) -> None:
    assert run("system_libraries.sh", SYSTEM_LIBRARIES="skip").returncode == 0


@pytest.fixture(scope="module")
def check_runtime() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_runtime", ROOT / "scripts" / "check_runtime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("installed", "verdict"),
    [
        (["numpy", "onnxruntime_gpu", "onnx"], None),
        (["onnxruntime-gpu", "onnxruntime"], "there is onnxruntime and onnxruntime-gpu"),
        (["ONNXRuntime"], "there is onnxruntime"),
        (["numpy"], "there is none"),
    ],
)
def test_only_the_gpu_runtime_may_be_there(
    check_runtime: ModuleType, installed: list[str], verdict: str | None
) -> None:
    said = check_runtime.complaint(installed, "onnxruntime-gpu")
    assert said is None if verdict is None else said.endswith(verdict)


def test_make_alone_lists_the_targets() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make, which is absent")
    done = subprocess.run([make, "-s", "-C", ROOT], capture_output=True, text=True, check=True)
    assert {"demo", "test", "install", "install-gpu", "lint", "typecheck", "audit", "sbom", "wheel-check", "clean"} <= {
        line.split()[0] for line in done.stdout.splitlines()
    }
