//! How far uploads have come, told by whoever uploads to whoever shows it.
//!
//! Decides how often it is told. Must not know what is uploaded, nor where to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use neap_core::address::Address;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The time between two tellings.
const EVERY: Duration = Duration::from_millis(100);

/// How far one upload has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The resource that it is a part of.
    pub address: Address,
    /// The bytes that have arrived.
    pub bytes: u64,
    /// All bytes.
    pub total: u64,
}

/// The uploads under way.
#[derive(Debug, Default)]
pub struct Transfers {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that have arrived and all bytes, and whether that is news.
    uploads: BTreeMap<Address, (u64, u64, bool)>,
    told: Option<Instant>,
}

impl Transfers {
    /// An upload of so many bytes begins, or begins anew.
    pub fn begin(&self, address: &Address, total: u64) {
        self.state().uploads.insert(address.clone(), (0, total, true));
        self.news.notify_one();
    }

    /// So many more bytes have arrived.
    pub fn arrived(&self, address: &Address, bytes: u64) {
        if let Some((arrived, _, is_news)) = self.state().uploads.get_mut(address) {
            *arrived += bytes;
            *is_news = true;
        }
        self.news.notify_one();
    }

    /// An upload is over, however it ended.
    pub fn end(&self, address: &Address) {
        self.state().uploads.remove(address);
    }

    /// Waits until there are news, and some time after the last ones, and returns them.
    pub async fn next(&self) -> Vec<Moved> {
        loop {
            let due = {
                let state = self.state();
                let has_news = state.uploads.values().any(|(.., is_news)| *is_news);
                has_news.then(|| state.told.map(|told| told + EVERY))
            };
            match due {
                None => self.news.notified().await,
                Some(Some(at)) if at > Instant::now() => tokio::time::sleep_until(at).await,
                Some(_) => return self.take(),
            }
        }
    }

    fn take(&self) -> Vec<Moved> {
        let mut state = self.state();
        state.told = Some(Instant::now());
        let moved = |(address, upload): (&Address, &mut (u64, u64, bool))| {
            let is_news = std::mem::replace(&mut upload.2, false);
            is_news.then(|| Moved { address: address.clone(), bytes: upload.0, total: upload.1 })
        };
        state.uploads.iter_mut().filter_map(moved).collect()
    }

    /// The state. A thread that panicked with it left it whole: every change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_news_in_a_short_time_are_told_as_one() {
        let transfers = Transfers::default();
        let address: Address = "bucket_files.web".parse().expect("an address");
        transfers.begin(&address, 30);
        let told = |bytes| vec![Moved { address: address.clone(), bytes, total: 30 }];
        assert_eq!(transfers.next().await, told(0));
        let begun = Instant::now();
        transfers.arrived(&address, 10);
        transfers.arrived(&address, 10);
        assert_eq!(transfers.next().await, told(20));
        assert_eq!(begun.elapsed(), EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_told_of_what_is_over() {
        let transfers = Transfers::default();
        let address: Address = "bucket_files.web".parse().expect("an address");
        transfers.begin(&address, 1);
        transfers.end(&address);
        assert!(tokio::time::timeout(EVERY * 10, transfers.next()).await.is_err());
    }
}
