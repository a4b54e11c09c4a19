from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from ml_server import server_python
from toy_package import build_toy_package

from unmask.engines.errors import PackageError, UsageError
from unmask.engines.manifest import Activation
from unmask.engines.package import DetectorPackage, load_package
from unmask.export.triton import config_text, mlserver_settings, write_triton_repository

PARSE = """
import json, sys
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

config = text_format.Parse(sys.stdin.read(), model_config_pb2.ModelConfig())
print(json_format.MessageToJson(config, preserving_proto_field_name=True))
"""


@pytest.fixture
def package(tmp_path: Path) -> DetectorPackage:
    return load_package(build_toy_package(tmp_path / "package"))


def parsed(text: str) -> dict:
    """``text`` as Triton's own description of a model configuration reads it: a wrong field is an error."""
    done = subprocess.run(
        [server_python(), "-c", PARSE], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_what_is_written(package, tmp_path):
    folder = write_triton_repository(package, tmp_path / "models")
    assert folder == tmp_path / "models" / "toy"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "1/model.onnx",
        "README.md",
        "config.pbtxt",
        "model-settings.json",
        "unmask_mlserver.py",
    ]
    assert (folder / "1" / "model.onnx").read_bytes() == package.encoder_path.read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]  # no draft is left
    assert folder.stat().st_mode & 0o777 == 0o755
    compile((folder / "unmask_mlserver.py").read_text(encoding="utf-8"), "unmask_mlserver.py", "exec")


def test_the_configuration_as_triton_reads_it(package, tmp_path):
    folder = write_triton_repository(package, tmp_path / "models", max_batch=16, queue_delay_us=500, instances=2)
    config = parsed((folder / "config.pbtxt").read_text(encoding="utf-8"))
    sha256 = hashlib.sha256(package.encoder_path.read_bytes()).hexdigest()
    assert config == {
        "name": "toy",
        "backend": "onnxruntime",
        "max_batch_size": 16,
        "input": [{"name": "crops", "data_type": "TYPE_UINT8", "dims": ["64", "64", "3"]}],
        "output": [
            {"name": "embedding", "data_type": "TYPE_FP32", "dims": ["8"]},
            {"name": "logit", "data_type": "TYPE_FP32", "dims": ["1"], "reshape": {}},
        ],
        "dynamic_batching": {"preferred_batch_size": [4, 8, 16], "max_queue_delay_microseconds": "500"},
        "instance_group": [{"count": 2}],  # KIND_AUTO is the default
        "version_policy": {"latest": {"num_versions": 1}},
        "model_warmup": [
            {
                "name": "zeros",
                "batch_size": 1,
                "inputs": {"crops": {"data_type": "TYPE_UINT8", "dims": ["64", "64", "3"], "zero_data": True}},
            }
        ],
        "parameters": {
            "unmask.version": {"string_value": "1.0.0"},
            "unmask.sha256": {"string_value": sha256},
        },
    }


def test_the_activation_map_is_an_output_where_the_detector_has_one(package):
    manifest = package.manifest.model_copy(update={"activation": Activation(rows=7, columns=5)})
    config = parsed(config_text(manifest, b"", "onnxruntime", max_batch=1, queue_delay_us=0, instances=1))
    assert config["output"][2] == {"name": "activation", "data_type": "TYPE_FP32", "dims": ["7", "5"]}
    assert config["dynamic_batching"] == {}  # no preferred size fits a batch of one
    settings = mlserver_settings(manifest)
    assert settings["outputs"][2] == {"name": "activation", "datatype": "FP32", "shape": [-1, 7, 5]}


def test_mlservers_settings(package, tmp_path):
    folder = write_triton_repository(package, tmp_path / "models")
    assert json.loads((folder / "model-settings.json").read_text(encoding="utf-8")) == {
        "name": "toy",
        "platform": "onnx",
        "versions": ["1.0.0"],
        "implementation": "unmask_mlserver.OnnxEncoder",
        "inputs": [{"name": "crops", "datatype": "UINT8", "shape": [-1, 64, 64, 3]}],
        "outputs": [
            {"name": "embedding", "datatype": "FP32", "shape": [-1, 8]},
            {"name": "logit", "datatype": "FP32", "shape": [-1]},
        ],
        "parameters": {"uri": "./1/model.onnx", "version": "1.0.0"},
    }


def test_a_plan(package, tmp_path):
    plan = tmp_path / "encoder.plan"
    plan.write_bytes(b"a plan")
    folder = write_triton_repository(package, tmp_path / "models", backend="tensorrt", plan=plan)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "1/model.plan",
        "README.md",
        "config.pbtxt",
    ]
    assert (folder / "1" / "model.plan").read_bytes() == b"a plan"
    config = parsed((folder / "config.pbtxt").read_text(encoding="utf-8"))
    assert config["platform"] == "tensorrt_plan"
    assert "backend" not in config
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "mlserver" not in readme.lower()
    assert "runs on the kind of GPU" in readme


def test_the_readme_names_three_commands(package, tmp_path):
    readme = (write_triton_repository(package, tmp_path / "models") / "README.md").read_text(encoding="utf-8")
    assert "tritonserver --model-repository=/models" in readme
    assert "mlserver start ." in readme
    assert "--detector toy --engine remote --server SERVER:8001" in readme
    assert str(tmp_path) not in readme


def test_what_is_there_stays(package, tmp_path):
    write_triton_repository(package, tmp_path / "models")
    config = tmp_path / "models" / "toy" / "config.pbtxt"
    config.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"There is a folder .*toy already"):
        write_triton_repository(package, tmp_path / "models")
    assert config.read_text(encoding="utf-8") == "mine"
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "toy").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="already"):
        write_triton_repository(package, tmp_path / "links")


def test_a_failure_half_way_leaves_nothing(package, tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path, data):
        if path.name == "model.onnx":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        write_triton_repository(package, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_an_encoder_that_changed_is_not_served(package, tmp_path):
    package.encoder_path.write_bytes(package.encoder_path.read_bytes() + b"\0")
    with pytest.raises(PackageError, match="differs from its checksum"):
        write_triton_repository(package, tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "tensorrt"}, "needs a plan"),
        ({"plan": Path("x.plan")}, "needs a plan"),
        ({"backend": "tensorrt", "plan": Path("none.plan")}, "cannot be read"),
        ({"max_batch": 0}, "at least 1"),
        ({"instances": 0}, "at least 1"),
        ({"queue_delay_us": -1}, "not negative"),
        ({"precision": "int8"}, "no encoder of precision int8"),
    ],
)
def test_arguments_that_do_not_go_together(package, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        write_triton_repository(package, tmp_path / "models", **options)
    assert not (tmp_path / "models").exists()


def test_an_empty_plan_and_a_folder_that_is_a_file(package, tmp_path):
    (tmp_path / "empty.plan").touch()
    with pytest.raises(UsageError, match="is empty"):
        write_triton_repository(package, tmp_path / "models", backend="tensorrt", plan=tmp_path / "empty.plan")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write_triton_repository(package, tmp_path / "file")
