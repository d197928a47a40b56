"""What Schemathesis cannot know: how requests are signed, and which ids there are.

Read by Schemathesis (schemathesis.toml beside this file). The keys come by the environment, as the command line takes
them: DNLB_ACCESS_KEY, DNLB_SECRET_KEY; DNLB_KNOWN holds, as JSON, values that exist, by the names of parameters and fields; DNLB_OWN the
ids of the key, user and account that call.
"""

import hashlib
import hmac
import json
import os
import re
import uuid
import zlib
from datetime import datetime, timezone
from urllib.parse import quote, unquote_plus, urlsplit

import requests
import schemathesis
from jsonschema_rs import validator_for

REGION = "lab-1"
KNOWN = json.loads(os.environ.get("DNLB_KNOWN", "{}"))
OWN = json.loads(os.environ.get("DNLB_OWN", "[]"))


class Signature(requests.auth.AuthBase):
    """JDCLOUD3 over method, path, query, content-type, host and body, as they are about to be sent."""

    def __init__(self, service):
        self.service = service

    def __call__(self, request):
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        url = urlsplit(request.url)
        headers = {"content-type": request.headers.setdefault("Content-Type", "application/json"), "host": url.netloc}
        request.headers["Host"] = url.netloc
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        names = ";".join(headers)
        lines = [request.method, canonical_path(url.path), canonical_query(url.query)]
        lines += [f"{name}:{plain(value).strip()}" for name, value in headers.items()]
        lines += ["", names, hashlib.sha256(body).hexdigest()]
        scope = f"{now[:8]}/{REGION}/{self.service}/jdcloud3_request"
        request_hash = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        key = ("JDCLOUD3" + os.environ["DNLB_SECRET_KEY"]).encode()
        for part in scope.split("/"):
            key = digest(key, part)
        signature = digest(key, f"JDCLOUD3-HMAC-SHA256\n{now}\n{scope}\n{request_hash}").hex()
        credential = f"{os.environ['DNLB_ACCESS_KEY']}/{scope}"
        request.headers["x-jdcloud-date"] = now
        request.headers["x-jdcloud-nonce"] = str(uuid.uuid4())
        request.headers["Authorization"] = (
            f"JDCLOUD3-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return request


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def plain(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def canonical_path(path):
    return quote(re.sub("/+", "/", unquote_plus(path)), safe="-._~/")


def canonical_query(query):
    pairs = (part.split("=", 1) for part in query.split("&") if "=" in part)
    encoded = sorted([quote(unquote_plus(half), safe="-._~") for half in pair] for pair in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded if name)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts ids that exist into three of four requests, and signs.

    Without that, most requests would end at 404. Chance is the request's own, so that a request that is repeated is the same
    again. Where one operation goes on from another, its ids are left alone.
    """
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if case.meta is None or case.meta.phase.name.value != "stateful":
        if chance % 4:
            case.path_parameters = with_known(case.path_parameters, chance)
            case.body = with_known(case.body, chance)
    if case.method.upper() != "GET" and case.path_parameters:
        # Whoever locks itself out learns nothing more.
        case.path_parameters = {name: "other" if value in OWN else value for name, value in case.path_parameters.items()}
    services = case.operation.definition.raw["x-dnlb-services"]
    kwargs["auth"] = Signature(services[chance % len(services)])


def with_known(value, chance):
    """The same with values that exist, wherever one is known for that name."""
    if isinstance(value, dict):
        return {name: known(name, inner, chance) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_known(inner, chance) for inner in value]
    return value


def known(name, value, chance):
    there = KNOWN.get(name)
    if not there:
        return with_known(value, chance)
    one = there[chance % len(there)]
    if isinstance(value, list):
        return [one]
    return one if isinstance(value, str) else value


@schemathesis.check
def the_signature_is_accepted(context, response, case):
    """Whatever characters are in a request: signed as the document says, it is never refused as unsigned."""
    # Where none is needed, 401 means something else.
    needed = case.operation.definition.raw.get("security") != []
    assert not needed or response.status_code != 401, response.text


@schemathesis.check
def what_is_taken_is_allowed(context, response, case):
    """A body that the server takes is one that the document allows: otherwise the document would not tell all."""
    if response.status_code == 200 and isinstance(case.body, (dict, list)) and case.operation.body:
        errors = [f"{error.instance_path}: {error.message}" for error in validator(case.operation).iter_errors(case.body)]
        assert not errors, errors


VALIDATORS = {}


def validator(operation):
    """What checks bodies of an operation. Kept: the document is large."""
    if operation.label not in VALIDATORS:
        schema = operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
        components = operation.schema.raw_schema["components"]
        VALIDATORS[operation.label] = validator_for({**schema, "components": components})
    return VALIDATORS[operation.label]
