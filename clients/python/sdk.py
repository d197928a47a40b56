"""Calls of the official SDK, whatever its version, and what they have in common.

The SDK has a class for every operation and one for its parameters; `Sdk.call` finds both by name, so a program says
only what it wants. It notes which operations were called and compares what is shown with the SDK's own models.
"""

import importlib
import importlib.metadata
import inspect

from jdcloud_sdk.core.config import Config
from jdcloud_sdk.core.credential import Credential
from jdcloud_sdk.core.logger import FATAL, Logger

import lab
import models

VERSION = importlib.metadata.version("jdcloud_sdk")

# The release of which the region promises every operation of `operations.NEEDED` and every field of `models.SHOWN`.
OLDER = VERSION == "1.6.180"

CLIENTS = {"ag": "AgClient", "lb": "LbClient", "vm": "VmClient", "vpc": "VpcClient"}


class Refused(Exception):
    """An error that the SDK has read from a reply."""

    def __init__(self, operation, error):
        super().__init__(f"{operation}: {error.code} {error.status}: {error.message}")
        self.code, self.status, self.message = error.code, error.status, error.message


class Sdk:
    """The SDK with somebody's access key."""

    def __init__(self, access_key, secret_key):
        credential = Credential(access_key, secret_key)
        config = Config(lab.ENDPOINT, lab.SCHEME, 10)
        # The SDK's own logger prints everything.
        logger = Logger(FATAL)
        self.clients = {service: client(service)(credential, config, logger) for service in CLIENTS}
        self.called = set()
        self.seen = models.Seen()

    def call(self, service, operation, **parameters):
        """Calls an operation; gives back its result, or raises what it was refused with."""
        module = importlib.import_module(f"jdcloud_sdk.services.{service}.apis.{operation}Request")
        response = self.clients[service].send(request(module, operation, parameters))
        self.called.add((service, operation))
        assert response.request_id, f"{operation}: a reply without a request id"
        if response.error is not None:
            assert response.result is None, f"{operation}: an error beside a result"
            raise Refused(operation, response.error)
        # The SDK takes an empty result for none.
        result = response.result or {}
        self.seen.note(service, result)
        return result

    def refused(self, code, status, words, service, operation, **parameters):
        """Calls an operation that must be refused with this code and status, and a message with these words."""
        try:
            result = self.call(service, operation, **parameters)
        except Refused as error:
            lab.equal((error.code, error.status), (code, status), str(error))
            assert words in error.message, f"{error} does not say `{words}`"
        else:
            raise AssertionError(f"{operation} was not refused with {code}: {result}")


def client(service):
    """The SDK's client of a service."""
    module = importlib.import_module(f"jdcloud_sdk.services.{service}.client.{CLIENTS[service]}")
    return getattr(module, CLIENTS[service])


def request(module, operation, parameters):
    """A request as the SDK wants it: what must be given goes to the constructor, the rest has a setter each."""
    of = getattr(module, f"{operation}Parameters")
    required = [name for name in inspect.signature(of.__init__).parameters if name != "self"]
    given = {"regionId": lab.REGION, **parameters}
    made = of(**{name: given.pop(name) for name in required})
    for name, value in given.items():
        getattr(made, f"set{name[0].upper()}{name[1:]}")(value)
    return getattr(module, f"{operation}Request")(made)


def filters(**wanted):
    """Filters as the wire has them: a name, and values of which one must fit."""
    def values(value):
        return value if isinstance(value, list) else [value]

    return [{"name": name, "values": values(value)} for name, value in wanted.items()]
