//! Service `dnlb`.

use dnlb_api::{
    shape::{MetricsOf, MetricsStep},
    wire::{dnlb::*, identity::*, journal::*},
};

use super::{Description, names, operation};
use crate::ops::{access_key, account, dnlb, user};

const OPERATING: &str = "For those who operate the region.";

pub(super) fn operations() -> Vec<Description> {
    vec![
        operation("DescribeAccessKeys", "Lists access keys")
            .details("One's own; an administrator sees those of all users of the account.")
            .filters(&names(access_key::FILTERS))
            .gives_page::<AccessKey>("accessKeys"),
        operation("CreateAccessKey", "Makes an access key").body::<CreateAccessKey>().gives::<String>("accessKeyId").gives::<String>("secretKey"),
        operation("UpdateAccessKey", "Changes an access key, or disables it").body::<UpdateAccessKey>(),
        operation("DeleteAccessKey", "Deletes an access key"),
        operation("RotateAccessKey", "Puts another access key in the place of one")
            .details("The former one counts for a while yet: until every program has the new one.")
            .body::<RotateAccessKey>()
            .gives::<String>("accessKeyId").gives::<String>("secretKey"),
        operation("DescribeAccounts", "Lists accounts")
            .details(OPERATING)
            .filters(&names(account::FILTERS))
            .gives_page::<Account>("accounts"),
        operation("CreateAccount", "Makes an account with its first administrator")
            .details(OPERATING)
            .body::<CreateAccount>()
            .gives::<String>("accountId")
            .gives::<String>("userId")
            .gives::<String>("accessKeyId")
            .gives::<String>("secretKey"),
        operation("DescribeAccount", "Shows an account").details(OPERATING).gives::<Account>("account"),
        operation("UpdateAccount", "Changes an account, or locks it out").details(OPERATING).body::<UpdateAccount>(),
        operation("DeleteAccount", "Deletes an account that owns nothing any more")
            .details("Its users, keys and sessions go with it. For those who operate the region."),
        operation("DescribeAuditRecords", "Lists who changed what, newest first")
            .records::<AuditRecord>("auditRecords", &["resourceId", "resourceType", "userName", "operation"]),
        operation("DescribeEvents", "Lists what happened by itself, newest first")
            .records::<Event>("events", &["resourceId", "resourceType", "kind"]),
        operation("DescribeConvergence", "Shows how far a load balancer's configuration has come")
            .gives::<Convergence>("convergence"),
        operation("DescribeMetrics", "Shows what went by something, and when")
            .details("Connections are counted when they are established: by TCP's handshake, or by a datagram after an answer. The last hour is known by seconds, what was before by minutes. Metrics of hosts are for those who operate the region.")
            .required::<MetricsOf>("resourceType", "What it is.")
            .required::<String>("resourceId", "Its id; of a target that of its backend service.")
            .parameter::<String>("instanceId", "Of a target, its instance.")
            .parameter::<String>("beginTime", "From this time on, such as 2026-11-22T21:04:31Z. Default: five minutes before the end.")
            .parameter::<String>("endTime", "Before this time. Default: now.")
            .parameter::<MetricsStep>("stepSeconds", "Seconds of a point; a reply has 3,600 points at most. Default: the shortest step with 360 points at most.")
            .gives::<Metrics>("metrics"),
        operation("DescribeCaller", "Shows who calls").gives::<Caller>("caller"),
        operation("CreateSession", "Logs in")
            .details("Needs neither signature nor token. 401 whatever was wrong, 429 after too many attempts.")
            .body::<CreateSession>()
            .gives::<String>("token")
            .gives::<String>("expiresTime")
            .gives::<Caller>("caller"),
        operation("DeleteSession", "Logs out").details("For a session's token; an access key has no session."),
        operation("DescribeUsers", "Lists the account's users")
            .filters(&names(user::FILTERS))
            .gives_page::<User>("users"),
        operation("CreateUser", "Makes a user").body::<CreateUser>().gives::<String>("userId"),
        operation("DescribeUser", "Shows a user").gives::<User>("user"),
        operation("UpdateUser", "Changes a user, or disables it").body::<UpdateUser>(),
        operation("DeleteUser", "Deletes a user with its keys and sessions"),
        operation("ChangePassword", "Changes one's own password").body::<ChangePassword>(),
        operation("ExplainFlow", "Explains what would become of the first packet of a flow")
            .details("The hosts on its way are asked one after another, and each decides on its live maps as it would in earnest; nothing is sent or changed. From outside an elastic IP of the account can be reached. 400 while the first host does not answer. Which hosts they are is told to those who operate the region.")
            .body::<ExplainFlow>()
            .gives::<FlowExplanation>("flowExplanation"),
        operation("DescribeHosts", "Lists the region's hosts").gives_all::<Host>("hosts"),
        operation("DescribeStatus", "Shows the region at a glance")
            .details("Hosts, load balancers with the health of their targets, and whether every host has caught up.")
            .filters(&[dnlb::STATUS_FILTER])
            .gives::<Status>("status"),
        operation("CreateTrace", "Begins to follow packets over all hosts")
            .details("It ends by itself. 429 while too many traces run.")
            .body::<CreateTrace>()
            .gives::<String>("traceId"),
        operation("DescribeTrace", "Shows what became of packets that are followed")
            .parameter::<i64>("after", "Only what is newer: `next` of the former reply, 0 and up. Default 0.")
            .gives::<Trace>("trace"),
        operation("DeleteTrace", "Ends a trace before its time"),
    ]
}
