#!/usr/bin/env python3
"""Writes core.yaml: the core kinds of Kubernetes 1.25 to 1.37, stated in the form that README.md describes.

    pip download --no-deps kubernetes-validate==1.37.0 && unzip -q kubernetes_validate-*.whl -d schemas
    python3 generate-core.py schemas/kubernetes_validate/kubernetes-json-schema > core.yaml

Only facts are taken over: names, types, what is required and since when. Kubernetes' OpenAPI names no values of
enumerations, so ENUMS states those that API servers enforce.
"""

import json
import pathlib
import sys

FIRST, LAST = 25, 37

KINDS = {
    "v1": "ConfigMap Endpoints LimitRange Namespace PersistentVolume PersistentVolumeClaim Pod PodTemplate "
          "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingAdmissionPolicy "
                                       "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "autoscaling/v2beta2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "node.k8s.io/v1": "RuntimeClass",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass",
}

# Type and field to the values that API servers take, in every version from FIRST to LAST.
ENUMS = {
    "Container.imagePullPolicy": "Always IfNotPresent Never",
    "Container.terminationMessagePolicy": "File FallbackToLogsOnError",
    "EphemeralContainer.imagePullPolicy": "Always IfNotPresent Never",
    "EphemeralContainer.terminationMessagePolicy": "File FallbackToLogsOnError",
    "ContainerPort.protocol": "TCP UDP SCTP",
    "ServicePort.protocol": "TCP UDP SCTP",
    "EndpointPort.protocol": "TCP UDP SCTP",
    "DiscoveryV1EndpointPort.protocol": "TCP UDP SCTP",
    "NetworkPolicyPort.protocol": "TCP UDP SCTP",
    "CronJobSpec.concurrencyPolicy": "Allow Forbid Replace",
    "DaemonSetUpdateStrategy.type": "RollingUpdate OnDelete",
    "DeploymentStrategy.type": "Recreate RollingUpdate",
    "HTTPGetAction.scheme": "HTTP HTTPS",
    "HTTPIngressPath.pathType": "Exact Prefix ImplementationSpecific",
    "LabelSelectorRequirement.operator": "In NotIn Exists DoesNotExist",
    "NodeSelectorRequirement.operator": "In NotIn Exists DoesNotExist Gt Lt",
    "NetworkPolicySpec.policyTypes": "Ingress Egress",
    "PersistentVolumeClaimSpec.accessModes": "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
    "PersistentVolumeClaimSpec.volumeMode": "Block Filesystem",
    "PersistentVolumeSpec.accessModes": "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
    "PersistentVolumeSpec.persistentVolumeReclaimPolicy": "Delete Recycle Retain",
    "PersistentVolumeSpec.volumeMode": "Block Filesystem",
    "PodSpec.dnsPolicy": "ClusterFirst ClusterFirstWithHostNet Default None",
    "PodSpec.preemptionPolicy": "Never PreemptLowerPriority",
    "PodSpec.restartPolicy": "Always OnFailure Never",
    "PodOS.name": "linux windows",
    "PriorityClass.preemptionPolicy": "Never PreemptLowerPriority",
    "ScopedResourceSelectorRequirement.operator": "In NotIn Exists DoesNotExist",
    "SeccompProfile.type": "Localhost RuntimeDefault Unconfined",
    "SecurityContext.procMount": "Default Unmasked",
    "ServiceSpec.externalTrafficPolicy": "Cluster Local",
    "ServiceSpec.internalTrafficPolicy": "Cluster Local",
    "ServiceSpec.ipFamilies": "IPv4 IPv6",
    "ServiceSpec.ipFamilyPolicy": "SingleStack PreferDualStack RequireDualStack",
    "ServiceSpec.sessionAffinity": "ClientIP None",
    "ServiceSpec.type": "ClusterIP ExternalName LoadBalancer NodePort",
    "StatefulSetSpec.podManagementPolicy": "OrderedReady Parallel",
    "StatefulSetUpdateStrategy.type": "RollingUpdate OnDelete",
    "StorageClass.reclaimPolicy": "Delete Retain",
    "StorageClass.volumeBindingMode": "Immediate WaitForFirstConsumer",
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule ScheduleAnyway",
}

SCALARS = {
    "Quantity": "quantity",
    "IntOrString": "int-or-string",
    "Time": "date-time",
    "MicroTime": "date-time",
    "FieldsV1": "object",
    "RawExtension": "object",
    "JSON": "any",
    "JSONSchemaPropsOrArray": "any",
    "JSONSchemaPropsOrBool": "any",
    "JSONSchemaPropsOrStringArray": "any",
}


class Definitions:
    """The definitions of one version of Kubernetes, with the names that types get in core.yaml."""

    def __init__(self, folder):
        self.by_name = json.loads((folder / "_definitions.json").read_text())["$defs"]
        self.kinds = {}
        for name, schema in self.by_name.items():
            properties = schema.get("properties", {})
            for it in schema.get("x-kubernetes-group-version-kind", []):
                if {"apiVersion", "kind", "metadata"} <= set(properties):
                    api = f"{it['group']}/{it['version']}".lstrip("/")
                    self.kinds[api, it["kind"]] = name


def own_name(definition, taken):
    """The last word of a definition's name; with group and version before it where two would share it."""
    parts = definition.split(".")
    short = parts[-1]
    if taken.setdefault(short, definition) == definition:
        return short
    return parts[-3].capitalize() + parts[-2].capitalize() + short


def scalar(schema):
    kind = schema.get("type")
    kind = [it for it in kind if it != "null"][0] if isinstance(kind, list) else kind
    form = schema.get("format")
    if kind == "string":
        return {"byte": "base64", "date-time": "date-time"}.get(form, "string")
    if kind == "integer":
        return form or "integer"
    return {"number": "number", "boolean": "boolean", "object": "object", None: "any"}[kind]


class Writer:
    def __init__(self, versions):
        self.versions = versions
        self.taken = {}
        self.types = {}
        self.seen = set()
        self.listed = set()

    def value(self, version, schema):
        """Returns the layers around a value, such as `[]`, and the text of its type."""
        if "$ref" in schema:
            definition = schema["$ref"].split("/")[-1]
            short = definition.split(".")[-1]
            if short in SCALARS:
                return "", SCALARS[short]
            return "", self.type(version, definition)
        kinds = schema.get("type") or []
        if "array" in kinds:
            layers, text = self.value(version, schema["items"])
            return "[]" + layers, text
        if isinstance(schema.get("additionalProperties"), dict):
            layers, text = self.value(version, schema["additionalProperties"])
            return "{}" + layers, text
        return "", scalar(schema)

    def type(self, version, definition):
        name = own_name(definition, self.taken)
        if (version, name) not in self.seen:
            self.seen.add((version, name))
            fields = self.fields(version, self.versions[version].by_name[definition], name)
            self.types.setdefault(name, {})[version] = fields
        return name

    def fields(self, version, schema, owner):
        required = schema.get("required", [])
        lines = {}
        for name, it in schema.get("properties", {}).items():
            layers, text = self.value(version, it)
            values = ENUMS.get(f"{owner}.{name}")
            if values:
                self.listed.add(f"{owner}.{name}")
                assert text == "string", (owner, name, text)
                text = "= " + " | ".join(values.split())
            lines[f"{name}{'!' if name in required else ''}{layers}"] = text
        return lines

    def kind(self, version, api, kind):
        definition = self.versions[version].kinds.get((api, kind))
        if definition is None:
            return None
        schema = dict(self.versions[version].by_name[definition])
        properties = dict(schema["properties"])
        for name in ("apiVersion", "kind", "metadata"):
            properties.pop(name)
        # Controllers write the status; what sources say of it is not looked at.
        status = properties.pop("status", None)
        lines = self.fields(version, {**schema, "properties": properties}, kind)
        if status is not None:
            lines["status"] = "object"
        return lines


def merged(by_version, among):
    """Joins the lines of all versions; one that not all of `among` have says which have it."""
    found = {}
    for version in sorted(by_version):
        for key, text in by_version[version].items():
            found.setdefault((key, text), []).append(version)
    lines = []
    for (key, text), versions in found.items():
        lines.append((key.split("!")[0].split("[")[0].split("{")[0], key + span(versions, among), text))
    return [(key, text) for _, key, text in sorted(lines)]


def span(versions, among):
    if versions == among:
        return ""
    assert versions == [it for it in among if versions[0] <= it <= versions[-1]], (versions, among)
    first = "" if versions[0] == among[0] else f"1.{versions[0]}"
    last = "" if versions[-1] == among[-1] else f"1.{versions[-1]}"
    return f" @{first}..{last}"


def entry(key, text):
    quoted = any(it in key for it in "{}[]@")
    # Of the words that YAML does not read as texts, fields and types hold none.
    return f'"{key}": {text}' if quoted else f"{key}: {text}"


def main():
    folder = pathlib.Path(sys.argv[1])
    all_versions = list(range(FIRST, LAST + 1))
    versions = {it: Definitions(folder / f"v1.{it}.0-local") for it in all_versions}
    writer = Writer(versions)
    kinds = []
    for api, names in KINDS.items():
        for kind in names.split():
            by_version = {it: writer.kind(it, api, kind) for it in all_versions}
            by_version = {it: fields for it, fields in by_version.items() if fields is not None}
            assert by_version, (api, kind)
            there = sorted(by_version)
            kinds.append((api, kind + span(there, all_versions), merged(by_version, there)))
    print("# Kubernetes' own kinds. Written by generate-core.py, which says how; README.md explains the form.")
    print("project: kubernetes/kubernetes")
    print(f"version: 1.{FIRST} to 1.{LAST}")
    print("licence: Apache-2.0")
    print("source: the OpenAPI definitions in the Python package kubernetes-validate 1.37.0")
    print("nulls: dropped")
    print("kinds:")
    last = None
    for api, kind, lines in kinds:
        if api != last:
            print(f"  {api}:")
        last = api
        print(f"    {entry(kind, '').rstrip()}")
        for key, text in lines:
            print(f"      {entry(key, text)}")
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    for version in all_versions:
        writer.type(version, meta)
    assert writer.listed == set(ENUMS), set(ENUMS) - writer.listed
    print("types:")
    for name in sorted(writer.types):
        by_version = writer.types[name]
        lines = merged(by_version, sorted(by_version))
        print(f"  {name}:" + ("" if lines else " {}"))
        for key, text in lines:
            print(f"    {entry(key, text)}")


main()
