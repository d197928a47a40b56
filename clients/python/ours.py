"""The SDK with the lab's access key, as the parts of the workflow use it."""

import lab
from sdk import VERSION, Sdk

# Programs work at the same time in one region, so each has a name for what it makes.
NAME = f"sdk-{VERSION}".replace(".", "-")

ANYBODY = "0.0.0.0/0"
EVERYTHING, ICMP, TCP, UDP = 300, 1, 6, 17
IN, OUT = 0, 1

# As fast as the API allows.
QUICK = {"healthyThresholdCount": 1, "unhealthyThresholdCount": 1, "checkTimeoutSeconds": 2, "intervalSeconds": 5}

sdk = Sdk(lab.ACCESS_KEY, lab.SECRET_KEY)
ag, lb, vm, vpc = (
    lambda operation, service=service, **parameters: sdk.call(service, operation, **parameters)
    for service in ("ag", "lb", "vm", "vpc")
)
