"""One change and one list by the official Python SDK over https, without a lab: whom it trusts says REQUESTS_CA_BUNDLE."""

from lab import equal, step
from ours import NAME, vpc


def work():
    """Makes something that is secret on the way, and sees it."""
    made = vpc("CreateVpc", vpcName=NAME, addressPrefix="10.77.0.0/16")["vpcId"]
    equal([found["vpcId"] for found in vpc("DescribeVpcs")["vpcs"]], [made], "the VPCs")
    vpc("DeleteVpc", vpcId=made)
    step("a VPC was made, seen and deleted")


if __name__ == "__main__":
    work()
