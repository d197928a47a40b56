"""What a client program knows of the lab that it works against: the environment, and commands on the lab's nodes."""

import json
import os
import subprocess
import time

# As `dnlb lab env` prints them.
ENDPOINT = os.environ["DNLB_ENDPOINT"]
SCHEME = os.environ["DNLB_SCHEME"]
REGION = os.environ["DNLB_REGION"]
ACCESS_KEY = os.environ["DNLB_ACCESS_KEY"]
SECRET_KEY = os.environ["DNLB_SECRET_KEY"]

# The lab's own program, and which lab.
PROGRAM = os.environ["DNLB_BIN"]
LAB = os.environ["DNLB_LAB"]

# The client's address outside the region.
OUTSIDE = "198.51.100.10"

START = time.monotonic()


def step(words):
    """Says how far the program is, and when."""
    print(f"{time.monotonic() - START:6.1f} s  {words}", flush=True)


def equal(found, wanted, what):
    """Fails with both values when they differ."""
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


def until(what, look, seconds=90):
    """The first true value that `look` gives; fails when none comes in time."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"no {what} after {seconds} s"
        time.sleep(0.2)


def send(place, url, connections):
    """Sends requests from a node or an instance, each over a connection of its own; says who answered how many."""
    command = [PROGRAM, "lab", "--name", LAB, "exec", place, "--"]
    command += ["dnlb", "guest", "load", "--connections", str(connections), "--url", url]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def settled():
    """Waits until every host has what was changed: health, too, has its way to the rows of who balances."""
    subprocess.run([PROGRAM, "status", "--wait"], check=True, stdout=subprocess.DEVNULL)


def answered(place, url, connections, client, instances):
    """Sends requests that must all be answered, by exactly these instances, who must see the client's own address."""
    settled()
    served = send(place, url, connections)
    equal(served["failed"], 0, f"{url} from {place}: {served['errors']}")
    equal(sorted(served["clients"]), [client], f"clients of {url}")
    equal(sorted(served["instances"]), sorted(instances), f"instances behind {url}")
    return served["instances"]


def all_refused(place, url):
    """Whether none of some connections comes about."""
    return send(place, url, 8)["failed"] == 8
