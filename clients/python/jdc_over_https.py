"""One change and one list by the official command line over https, without a lab: whom it trusts says REQUESTS_CA_BUNDLE."""

import lab
from jdc_workflow import NAME, jdc, profile
from lab import equal, step


def work():
    """Makes something that is secret on the way, and sees it."""
    profile("secret", lab.SECRET_KEY)
    made = jdc("vpc create-vpc", vpc_name=NAME, address_prefix="10.77.0.0/16")["vpcId"]
    equal([found["vpcId"] for found in jdc("vpc describe-vpcs")["vpcs"]], [made], "the VPCs")
    jdc("vpc delete-vpc", vpc_id=made)
    step("a VPC was made, seen and deleted")


if __name__ == "__main__":
    work()
