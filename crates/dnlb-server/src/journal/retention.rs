//! Records that are old go.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dnlb_store::{Store, StoreError, Transaction};

use super::{AUDIT, EVENTS};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Removed by one transaction at most: writers wait no longer than for that.
const BATCH: usize = 500;

/// Removes what is older than some days, now and every hour, until it is dropped.
pub async fn keep(store: Arc<dyn Store>, days: u32) {
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let before = now.saturating_sub(Duration::from_secs(u64::from(days) * 86_400));
        match forget(&*store, before).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, days, "old records of changes and events are removed"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "old records cannot be removed");
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Removes the records from before a moment, given as the time since 1970; returns how many.
///
/// # Errors
/// When the store fails.
pub async fn forget(store: &dyn Store, before: Duration) -> Result<usize, StoreError> {
    let mut count = 0;
    for prefix in [AUDIT, EVENTS] {
        // The character after the slash: the end of all keys with the prefix.
        let end = format!("{}0", prefix.trim_end_matches('/'));
        let mut from = prefix.to_owned();
        // Account after account, as the keys are: of each the oldest first.
        loop {
            let Some(first) = store.scan(&from, &end, 1, false).await?.entries.pop() else { break };
            let Some(account) = first.key[prefix.len()..].split('/').next() else { break };
            let (base, next) = (format!("{prefix}{account}/"), format!("{prefix}{account}0"));
            let until = format!("{base}{:014}", before.as_millis());
            loop {
                let old = store.scan(&base, &until, BATCH, false).await?.entries;
                if old.is_empty() {
                    break;
                }
                count += old.len();
                let writes = old.into_iter().map(|entry| (entry.key, None)).collect();
                store.commit(Transaction { conditions: Vec::new(), writes }).await?;
            }
            from = next;
        }
    }
    Ok(count)
}
