//! What callers are told when the store did not do what it should.

use dnlb_api::ApiError;
use dnlb_store::StoreError;

/// The reply to a write that the store did not take.
///
/// A caller learns what it may do next; what went wrong in detail is in the server's log.
pub(super) fn reply(error: &StoreError) -> ApiError {
    let unavailable = |message| ApiError::new(503, "HTTP_SERVICE_UNAVAILABLE", message);
    match error {
        StoreError::Full { .. } => unavailable(
            "the server has no space left on its disk: nothing was changed, and reading goes on; retry when there is room",
        ),
        StoreError::Conflict { .. } => {
            unavailable("another server changed the region at the same moment: nothing was changed; retry")
        }
        StoreError::Unacknowledged { .. } => ApiError::new(
            500,
            "HTTP_INTERNAL_SERVER_ERROR",
            "the store did not say whether it took the change: look before you retry",
        ),
        _ => ApiError::internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_learns_whether_something_was_changed_and_what_to_do() {
        let full = reply(&StoreError::Full { doing: "writing" });
        assert_eq!((full.code, full.status.as_str()), (503, "HTTP_SERVICE_UNAVAILABLE"));
        assert!(full.message.contains("no space left") && full.message.contains("nothing was changed"));
        let conflict = reply(&StoreError::Conflict { key: "region/head".into(), expected: 1, found: 2 });
        assert_eq!(conflict.code, 503);
        assert!(!conflict.message.contains("region/head"), "keys are nobody's business");
        let unknown = reply(&StoreError::Unacknowledged { source: "x".into() });
        assert!(unknown.code == 500 && unknown.message.contains("look before"), "{unknown}");
        let damaged = reply(&StoreError::Damaged { store: "/var/lib/x".into(), what: "y".into() });
        assert_eq!(damaged, ApiError::internal());
    }
}
