"""AWS in the lab: moto, with the operations that moto lacks answered from declared data on the same port.

Every answer of the lab's own is checked against botocore's model of the operation, so the estate cannot drift from
what AWS would return. moto's own answers pass through. Calls and faults are named `<service>.<boto3 method>`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore import xform_name
from botocore.validate import ParamValidator
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as MotoRequest
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.iam.models import get_account_id_from
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from lab import (
    aws_access,
    aws_answers,
    aws_cognito,
    aws_estate,
    aws_fleet,
    aws_functions,
    aws_graph,
    aws_greengrass,
    aws_monitoring,
    aws_organization,
    aws_private_ca,
    aws_revocation,
    aws_rule_targets,
    aws_tags,
    aws_tunnels,
    aws_watchers,
)
from lab.aws_policies import ACCOUNT, REGIONS, asking
from lab.server import Server, Switchboard, failing

WSGI = Callable[..., Iterable[bytes]]

ANSWERING = (
    aws_answers, aws_fleet, aws_access, aws_cognito, aws_greengrass, aws_monitoring, aws_private_ca, aws_tunnels,
)  # fmt: skip
"""The modules that answer what moto lacks."""

DENIED = {"ec2": "UnauthorizedOperation", "sns": "AuthorizationError", "sqs": "AccessDenied"}
"""Services with an own word for access denied; JSON services say AccessDeniedException, the others AccessDenied."""
PREFIXES = {
    "greengrassv2": "greengrass", "iotsecuretunneling": "iot", "resourcegroupstaggingapi": "tag",
    "timestream-write": "timestream",
}  # fmt: skip
ACTIONS = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
}
"""IAM's names of actions, where they are not the API's (Service Authorization Reference)."""
SIGNED_AS = {
    "IoTSecuredTunneling": "iotsecuretunneling",
    "tagging": "resourcegroupstaggingapi",
    "timestream": "timestream-write",
}
"""Services that sign with another name than their client's."""
ANY_ACCOUNT = frozenset({
    "iot.list_certificates", "iot.describe_certificate", "iot.list_ca_certificates", "iot.describe_ca_certificate",
    "iot.list_principal_things_v2", "iot.get_topic_rule", "kms.get_key_rotation_status",
})  # fmt: skip
"""Answers that are made of what moto holds of the account that asks; the others are the estate's own."""


class Refused(Exception):
    """Raised by an answer to refuse in the provider's words: an error code and an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Aws:
    """AWS with one company's account, 123456789012, in two regions."""

    name = "aws"

    def __init__(self, share: float = 1.0) -> None:
        self.switchboard = Switchboard()
        self._share = share
        self.answers = {name: answer for part in ANSWERING for name, answer in part.ANSWERS.items()}
        self.answers |= aws_functions.ANSWERS | aws_graph.ANSWERS | aws_organization.ANSWERS
        self.answers |= aws_rule_targets.ANSWERS | aws_tags.ANSWERS | aws_watchers.ANSWERS
        self._moto: WSGI = DomainDispatcherApplication(create_backend_app)
        self._server = Server(self.answer)
        self.lists = aws_revocation.Lists(self.switchboard)

    def start(self) -> None:
        """Serves, with a fresh estate."""
        moto_api_backend.reset()
        aws_estate.seed(self._share)
        aws_access.seed()
        aws_graph.seed()
        aws_organization.seed()
        self.lists.start()
        self._server.start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.stop()
        self.lists.stop()

    @property
    def url(self) -> str:
        """Where every service answers."""
        return self._server.url

    def settings(self) -> dict[str, Any]:
        """The section `aws` of the product's settings."""
        return {
            "endpoint": self.url,
            "regions": list(REGIONS),
            "calls_per_second": 500,
            "crl_fetch": True,
            "crl_hosts": ["127.0.0.1"],
        }

    def env(self) -> dict[str, str]:
        """Credentials that only the lab takes, and none from files or instance metadata."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIALABLABLABLABLAB0",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
        }

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """One request: recorded, made to fail if a fault says so, answered by the lab or by moto."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))

        def again() -> dict[str, Any]:
            return environ | {"wsgi.input": io.BytesIO(body)}

        service, region = signed_for(environ)
        request = MotoRequest(again())
        try:
            operation, path_params = get_service_router(service).match(request)
        except (HTTPException, KeyError):
            return self._moto(again(), start_response)
        name = f"{service}.{xform_name(operation.name)}"
        if fault := self.switchboard.seen(name):
            refusal = refused(operation, Refused(fault.code, fault.message, fault.status))
            response = failing(fault, Request(environ), denied(operation), throttled(operation), refusal)
            if response is not None:
                return response(environ, start_response)
        if name not in self.answers:
            return self._moto(again(), start_response)
        params = parsed(operation, request, path_params)
        asking.set(account := get_account_id_from(signed_by(environ)))
        try:
            if account == ACCOUNT or name in ANY_ACCOUNT:
                reply = self.answers[name](region, params)
            else:
                reply = aws_organization.nothing(operation)
            response = serialized(operation, reply)
        except aws_answers.Missing as missing:
            response = refused(operation, Refused(missing.code, str(missing), missing.status))
        return response(environ, start_response)


def signed_for(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Service and region that the request was signed for."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    region, service = scope.groups() if scope else ("us-east-1", "s3")
    control = service == "s3" and environ.get("PATH_INFO", "").startswith("/v20180820/")
    if service == "greengrass" and environ.get("PATH_INFO", "").startswith("/greengrass/v2/"):
        service = "greengrassv2"
    return ("s3control" if control else SIGNED_AS.get(service, service)), region


def signed_by(environ: Mapping[str, Any]) -> str:
    """Access key that the request was signed with."""
    key = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return key[1] if key else ""


def parsed(operation: Any, request: MotoRequest, path_params: Mapping[str, Any]) -> dict[str, Any]:
    """The request's parameters, by the operation's model."""
    parser = PROTOCOL_PARSERS[operation.service_model.resolved_protocol](operation)
    found: dict[str, Any] = parser.parse(
        {
            "body": request.get_data(),
            "headers": request.headers,
            "method": request.method,
            "url_params": dict(path_params),
            "url_path": request.path,
            "values": request.values,
        }
    )
    return found


def serialized(operation: Any, answer: dict[str, Any]) -> Response:
    """An answer in the operation's protocol. Raises ``ValueError`` when botocore's model does not allow it."""
    problems = ParamValidator().validate(answer, operation.output_shape).generate_report()
    problems = problems or "".join(outside_enums(answer, operation.output_shape, operation.name))
    if problems:
        raise ValueError(f"the lab's {operation.name}: {problems}")
    service = operation.service_model
    made = get_serializer_class(service.service_name, service.resolved_protocol)(operation).serialize(answer)
    return Response(made["body"], status=made["status_code"], headers=made["headers"])


def outside_enums(value: Any, shape: Any, path: str) -> Iterable[str]:
    """Texts that are not among the values their shape allows; botocore's validator does not look."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from outside_enums(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from outside_enums(member, shape.member, path)
    elif shape.type_name == "map":
        for member in value.values():
            yield from outside_enums(member, shape.value, path)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path} is one of {shape.enum}, not {value!r}\n"


def refused(operation: Any, error: Refused) -> Response:
    """An error in the words of the operation's protocol."""
    protocol = operation.service_model.resolved_protocol
    if "json" in protocol:
        return Response(
            json.dumps({"__type": error.code, "message": error.message}),
            status=error.status,
            content_type="application/json",
            headers={"x-amzn-ErrorType": error.code},
        )
    inner = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "ec2":
        inner = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>lab</RequestID></Response>"
        return Response(inner, status=error.status, content_type="text/xml")
    inner = (
        f"<Error>{inner}</Error>"
        if operation.service_model.service_name == "s3"
        else (f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>lab</RequestId></ErrorResponse>")
    )
    return Response(inner, status=error.status, content_type="text/xml")


def denied(operation: Any) -> Response:
    """Access denied."""
    service = operation.service_model.service_name
    is_json = "json" in operation.service_model.resolved_protocol
    code = DENIED.get(service, "AccessDeniedException" if is_json else "AccessDenied")
    action = ACTIONS.get(f"{service}:{operation.name}") or f"{PREFIXES.get(service, service)}:{operation.name}"
    message = f"User: arn:aws:iam::{ACCOUNT}:user/lab is not authorized to perform: {action}"
    message += f" because no identity-based policy allows the {action} action"
    return refused(operation, Refused(code, message, 400 if service in ("kms", "kinesis") else 403))


def throttled(operation: Any) -> Response:
    """Asked too often."""
    service = operation.service_model.service_name
    if service == "s3":
        return refused(operation, Refused("SlowDown", "Please reduce your request rate.", 503))
    code = "ThrottlingException" if "json" in operation.service_model.resolved_protocol else "Throttling"
    return refused(operation, Refused(code, "Rate exceeded"))
