//! Has every participant, and every livestream that names Secrets or has one, looked at now and then, for what no watch shows:
//! Secrets are read by name and can be neither listed nor watched. One after the other, so that it is never many at a time.

use crate::credentials;
use crate::store::{Stores, Triggers};
use kube::ResourceExt;
use std::time::Duration;

/// A participant is looked at once in this time, which is how soon a Secret that was changed or deleted is noticed. Long enough
/// for the API server, short enough for whoever changes tokens because somebody knows them.
pub const EACH: Duration = Duration::from_secs(60);
/// Each look is one read of the API server: at most 20 a second, so that with more than 1200 participants it takes longer
/// than [`EACH`] to look at all of them.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks for ever, at each of them once in `each` if they are not too many.
pub async fn run(stores: &Stores, triggers: &Triggers, each: Duration) {
    loop {
        let all = stores.participants().state();
        for participant in &all {
            tokio::time::sleep(pause(all.len(), each)).await;
            triggers.participants.mark(&participant.namespace().unwrap_or_default(), &participant.name_any());
        }
        // Where what one names went, its participant's session may have nothing to say of it.
        for livestream in stores.livestreams().state() {
            let has_secrets = livestream.spec.source.is_some();
            if has_secrets || credentials::named(&livestream.spec.output).is_some() {
                tokio::time::sleep(SHORTEST_PAUSE.min(each)).await;
                triggers
                    .livestreams
                    .mark(&livestream.namespace().unwrap_or_default(), &livestream.name_any());
            }
        }
        if all.is_empty() {
            tokio::time::sleep(each).await;
        }
    }
}

fn pause(count: usize, each: Duration) -> Duration {
    let share = each / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    share.max(SHORTEST_PAUSE.min(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_looked_at_each_minute_and_many_at_a_bounded_rate() {
        assert_eq!(pause(1, EACH), EACH);
        assert_eq!(pause(1200, EACH), SHORTEST_PAUSE);
        assert_eq!(pause(10_000, EACH), SHORTEST_PAUSE);
    }
}
