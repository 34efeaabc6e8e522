"""The Kubernetes manifests: valid by Kubernetes' own schemas, restricted, and consistent among themselves."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from marketplace.environment import ADDRESSES, variables
from tests.docker.recipes import KUBERNETES, PINNED, manifests, parents

VERSIONS = (
    "1.30",
    kubernetes_validate.latest_version(),
)  # the oldest we mean (preStop sleep), and the newest known
BASES = ("marketplace", "node")
Manifest = dict[str, Any]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def patched(overlay: Path) -> list[Manifest]:
    """What the overlay makes of its base; it has only JSON patches (RFC 6902) of `add` and `replace`."""
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text("utf-8"))
    (base,) = kustomization["resources"]
    found = copy.deepcopy(manifests(overlay / base))
    for patch in kustomization["patches"]:
        target = f"{patch['target']['kind']}/{patch['target']['name']}"
        (manifest,) = [each for each in found if name_of(each) == target]
        for step in yaml.safe_load((overlay / patch["path"]).read_text("utf-8")):
            apply(manifest, step)
    return found


def apply(manifest: Manifest, step: dict[str, Any]) -> None:
    *parts, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    place: Any = manifest
    for part in parts:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if isinstance(place, list):
        assert (step["op"], last) == ("add", "-")
        place.append(step["value"])
    else:
        assert (step["op"] == "replace") == (last in place)
        place[last] = step["value"]


EVERY: list[tuple[str, Manifest]] = [
    *((f"{base}/{name_of(each)}", each) for base in BASES for each in manifests(KUBERNETES / base)),
    *((f"node-gpu/{name_of(each)}", each) for each in patched(KUBERNETES / "node-gpu")),
]
PODS = {
    name: manifest["spec"]["template"]
    for name, manifest in EVERY
    if manifest["kind"] in ("Deployment", "StatefulSet", "Job")
}
CONTAINERS = {
    f"{name}/{container['name']}": container
    for name, pod in PODS.items()
    for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
}


def of(base: str, kind: str) -> list[Manifest]:
    return [manifest for name, manifest in EVERY if name.startswith(f"{base}/{kind}/")]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "manifest"), EVERY, ids=[name for name, _ in EVERY])
def test_it_is_valid_by_the_official_schema(name, manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_key_would_be_found():
    wrong = copy.deepcopy(of("marketplace", "Deployment")[0])
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(jsonschema.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_every_file_is_part_of_a_kustomization():
    for folder in filter(Path.is_dir, KUBERNETES.iterdir()):
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
        named = {*kustomization["resources"], *(patch["path"] for patch in kustomization.get("patches", []))}
        assert {path.name for path in folder.iterdir()} - {"kustomization.yaml"} == {
            name for name in named if not name.startswith("../")
        }
        assert all((folder / name).exists() for name in named)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_restricted(name):
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    context = spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_restricted_and_bounded(name):
    container = CONTAINERS[name]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", [name for name in PODS if "/Job/" not in name and "/beat" not in name])
def test_what_serves_is_probed(name):
    for container in PODS[name]["spec"]["containers"]:
        assert {"livenessProbe", "startupProbe"} & set(container), container["name"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_image_is_pinned_or_built_here(name):
    base = name.split("/")[0].removesuffix("-gpu")
    tags = yaml.safe_load((KUBERNETES / base / "kustomization.yaml").read_text("utf-8"))["images"]
    image = CONTAINERS[name]["image"]
    if image.startswith("assay/"):
        assert image.removeprefix("assay/") in parents()
        assert image in {each["name"] for each in tags}
    else:
        assert PINNED.match(image)


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_mounted_is_a_volume_of_the_pod(name):
    owner = name.rsplit("/", 1)[0]
    volumes = {volume["name"] for volume in PODS[owner]["spec"]["volumes"]}
    (manifest,) = [each for other, each in EVERY if other == owner]
    volumes |= {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}
    assert {mount["name"] for mount in CONTAINERS[name].get("volumeMounts", [])} <= volumes


def test_the_marketplace_is_given_only_settings_that_exist_and_no_secret_value():
    known = {row.name for row in variables().values()} | {f"{address}_FILE" for address in ADDRESSES}
    (settings,) = of("marketplace", "ConfigMap")
    single = {
        variable["name"]: variable["value"]
        for name, container in CONTAINERS.items()
        if name.startswith("marketplace/")
        for variable in container.get("env", [])
    }
    given = {**settings["data"], **single}
    assert set(given) - known == set()
    assert not [
        key
        for key in given
        if key.removesuffix("_FILE") in {*ADDRESSES, "ASSAY_SECRET_KEY"} and key[-5:] != "_FILE"
    ]


def test_what_is_selected_is_there():
    for base in BASES:
        labels = [pod["metadata"]["labels"] for name, pod in PODS.items() if name.startswith(f"{base}/")]
        selecting = [each["spec"]["selector"] for each in of(base, "Service")]
        selecting += [each["spec"]["selector"]["matchLabels"] for each in of(base, "PodDisruptionBudget")]
        selecting += [each["spec"]["podSelector"].get("matchLabels", {}) for each in of(base, "NetworkPolicy")]
        for selector in selecting:
            assert any(selector.items() <= label.items() for label in labels), selector


def test_what_is_scaled_has_no_number_of_its_own():
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of("marketplace", "HorizontalPodAutoscaler")}
    assert scaled == {"web", "worker"}
    for deployment in of("marketplace", "Deployment"):
        assert ("replicas" in deployment["spec"]) == (deployment["metadata"]["name"] not in scaled)


@pytest.mark.parametrize("base", BASES)
def test_nothing_is_reachable_unless_a_policy_says_so(base):
    policies = of(base, "NetworkPolicy")
    assert any(each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for each in policies), (
        "a policy that denies everything"
    )


def test_only_migrations_mount_the_owners_password():
    mounting = {
        name
        for name, pod in PODS.items()
        if any(volume.get("secret", {}).get("secretName") == "assay-owner" for volume in pod["spec"]["volumes"])
    }
    assert mounting == {"marketplace/Job/migrate"}
    spec = PODS["marketplace/Job/migrate"]["spec"]
    steps = [*spec["initContainers"], *spec["containers"]]
    assert [step["args"][2] for step in steps] == ["migrate", "grant"]
    assert all(step["env"] == [{"name": "DATABASE_URL_FILE", "value": "/owner/owner_url"}] for step in steps)


def test_no_secret_is_in_the_manifests():
    assert [name for name, manifest in EVERY if manifest["kind"] == "Secret"] == []
