//! Operations that hosts answer: what they tell is known nowhere else.

use dnlb_api::ApiError;
use dnlb_model::{HostId, Region, Role};
use dnlb_proto::{Answer, Question};
use serde_json::Value;

use super::{Call, console_log, flow};
use crate::questions::AskError;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// What an instance has written.
    ConsoleLog,
    /// Where a packet would go.
    Flow,
}

impl Inquiry {
    /// The least role that it takes.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::ConsoleLog => Role::Viewer,
            // Several hosts work for it.
            Self::Flow => Role::Operator,
        }
    }

    /// Asks and answers. The region is the view of the caller's account.
    ///
    /// # Errors
    /// What was asked for wrongly; 400 also when a host does not answer.
    pub async fn answer(self, region: &Region, call: &Call<'_>) -> Result<Value, ApiError> {
        match self {
            Self::ConsoleLog => console_log::describe(region, call).await,
            Self::Flow => flow::explain(region, call).await,
        }
    }
}

/// Asks a host; `role` says what it is in the question, for those who may not know which hosts there are.
pub(super) async fn ask(
    call: &Call<'_>,
    host: &HostId,
    role: &str,
    question: Question,
) -> Result<Answer, ApiError> {
    let asked = call.observed.questions().ask(host, question).await;
    asked.map_err(|error| {
        let whose = if knows_hosts(call) {
            format!("{role}, {host}, was asked")
        } else {
            format!("{role} was asked")
        };
        match error {
            AskError::Busy => ApiError::quota(format!("{whose}: {error}")),
            _ => ApiError::precondition(format!("{whose}: {error}")),
        }
    })
}

/// Hosts are shown to who operates the region.
pub(super) fn knows_hosts(call: &Call<'_>) -> bool {
    call.caller.account.is_operating()
}

/// An answer to another question: the agent has a bug.
pub(super) fn beside_the_question() -> ApiError {
    ApiError::precondition("the host has answered something else")
}
