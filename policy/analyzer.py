"""What the engine talks to: the rules behind its Analyzer service.

Pulumi's own library for this, pulumi-policy 1.21, is left out on purpose. It takes the marks off secrets before a rule
sees them; it drops the stack's configuration, which the engine sends with ConfigureStack, so no waiver would arrive;
and it holds the whole environment to protobuf 5. The service's messages are in the SDK, which is there anyway.
"""

# ruff: noqa: ARG002, N802 - the methods of the engine's Analyzer service, as it calls them
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from auren_infra.settings import NAMESPACE
from auren_infra.waivers import parse
from policy.properties import plain, unmarked_texts
from policy.resource import Resource, Rule, Stack, StackRule, Terms

NAME, VERSION = "auren", "1.0.0"
MESSAGE_LIMIT = 400 * 1024 * 1024
"""The engine's own: the website's files are in one property."""


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """The rules, asked about one resource after another, and about all of them at the end."""

    def __init__(self, rules: Sequence[Rule], stack_rules: Sequence[StackRule]) -> None:
        self._rules = rules
        self._stack_rules = stack_rules
        self._terms = Terms()
        self._unmarked: dict[str, Mapping[str, str]] = {}
        """By URN: a stack is asked about with its resources' outputs, and these texts are of their inputs."""
        self.ended = threading.Event()

    def Handshake(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        self._terms = terms(request.config)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:
        kinds = ((self._rules, analyzer_pb2.POLICY_TYPE_RESOURCE), (self._stack_rules, analyzer_pb2.POLICY_TYPE_STACK))
        return analyzer_pb2.AnalyzerInfo(
            name=NAME,
            version=VERSION,
            policies=[
                analyzer_pb2.PolicyInfo(
                    name=rule.name,
                    description=rule.demand,
                    enforcementLevel=self._level(rule.name),
                    policy_type=kind,
                )
                for rules, kind in kinds
                for rule in rules
            ],
        )

    def Remediate(self, request: Any, context: Any) -> Any:
        """Nothing is mended behind anybody's back."""
        return analyzer_pb2.RemediateResponse()

    def Analyze(self, request: Any, context: Any) -> Any:
        resource = _resource(request, unmarked_texts(request.properties))
        self._unmarked[resource.urn] = resource.unmarked
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=[
                self._diagnostic(rule, resource.urn, faults)
                for rule in self._rules
                if (faults := [*rule.check(resource)])
            ]
        )

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        resources = [_resource(each, self._unmarked.get(each.urn, {})) for each in request.resources]
        stack = Stack(resources, self._terms)
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=[
                self._diagnostic(rule, urn, [fault]) for rule in self._stack_rules for urn, fault in rule.check(stack)
            ]
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        self.ended.set()
        return empty_pb2.Empty()

    def _level(self, rule: str) -> Any:
        return analyzer_pb2.ADVISORY if rule in self._terms.waivers else analyzer_pb2.MANDATORY

    def _diagnostic(self, rule: Rule | StackRule, urn: str, faults: Sequence[str]) -> Any:
        reason = self._terms.waivers.get(rule.name)
        lines = [rule.demand, *faults, *([f"Waived: {reason}"] if reason else [])]
        return analyzer_pb2.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=NAME,
            policyPackVersion=VERSION,
            description=rule.demand,
            message="\n".join(lines),
            enforcementLevel=self._level(rule.name),
            urn=urn,
        )


def terms(configuration: Mapping[str, str]) -> Terms:
    """What a stack's configuration, full keys with JSON for all but texts, says to the rules.

    A faulty entry waives nothing here; it is the program that refuses it, with every other fault.
    """
    entries: list[object] = _value(configuration, "waivers", list) or []
    waivers, _ = parse([str(entry) for entry in entries])
    limit = _value(configuration, "monthlyLimitUsd", int)
    return Terms(waivers) if limit is None else Terms(waivers, limit)


def _value(configuration: Mapping[str, str], name: str, kind: type) -> Any:
    try:
        value = json.loads(configuration.get(f"{NAMESPACE}:{name}", ""))
    except ValueError:
        return None
    return value if isinstance(value, kind) else None


def _resource(sent: Any, unmarked: Mapping[str, str]) -> Resource:
    properties = plain(sent.properties)
    return Resource(sent.type, sent.name, sent.urn, properties, protect=sent.options.protect, unmarked=unmarked)


def serve(analyzer: Analyzer) -> None:
    """Serve the engine until it ends this process; it reads the port from the first line of the output."""
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=limits)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    analyzer.ended.wait()
    server.stop(grace=None)
