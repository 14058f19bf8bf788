//! When what is captured is begun anew, and what is told of it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::*;

/// Longer than any pause between two attempts.
const LONG: Duration = Duration::from_secs(60);

type Told<T> = Arc<Mutex<Vec<T>>>;

/// What is followed, and how its captures went.
struct Followed {
    subject: watch::Sender<Option<char>>,
    /// Which subject, and when since the beginning.
    attempts: Told<(char, Duration)>,
    faults: Told<Option<String>>,
}

impl Followed {
    /// `capture`: of that subject.
    fn new<F: Future<Output = Result<(), gst::Error>> + Send>(
        subject: watch::Sender<Option<char>>,
        capture: impl Fn(char, watch::Sender<()>) -> F + Send + 'static,
    ) -> Self {
        let subjects = subject.subscribe();
        let (attempts, faults) = (Told::default(), Told::default());
        let (noted, told, began) = (Arc::clone(&attempts), Arc::clone(&faults), Instant::now());
        let note = move |subject, came| {
            noted.lock().push((subject, began.elapsed()));
            capture(subject, came)
        };
        tokio::spawn(
            async move { follow("test", subjects, move |fault| told.lock().push(fault), note).await },
        );
        Self { subject, attempts, faults }
    }
}

fn failed() -> gst::Error {
    gst::Error::Failed { message: "broken".to_owned(), missing: false }
}

#[tokio::test(start_paused = true)]
async fn another_subject_is_captured_at_once_whatever_failed_before() {
    let followed = Followed::new(watch::Sender::new(Some('a')), |_, _| async { Err(failed()) });
    tokio::time::sleep(LONG).await;
    let before = followed.attempts.lock().len();
    followed.subject.send_replace(Some('b'));
    let changed = LONG;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let attempts = followed.attempts.lock().split_off(before);
    let waits: Vec<_> = attempts.iter().map(|(who, at)| (*who, (*at - changed).as_millis())).collect();
    assert_eq!(waits, [('b', 0), ('b', 250), ('b', 750)]);
}

#[tokio::test(start_paused = true)]
async fn a_capture_of_which_nothing_comes_any_more_has_failed_and_is_begun_anew() {
    let followed = Followed::new(watch::Sender::new(Some('a')), |_, came| async move {
        came.send_replace(());
        tokio::time::sleep(STILL / 2).await;
        came.send_replace(());
        std::future::pending().await
    });
    tokio::time::sleep(STILL * 2).await;
    let told = [None, Some("the test cannot be captured: nothing comes of it for 3 s".to_owned()), None];
    assert_eq!(*followed.faults.lock(), told);
    assert_eq!(followed.attempts.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_ends_as_its_subject_goes_has_not_failed() {
    let subject = watch::Sender::new(Some('a'));
    let takes_away = subject.clone();
    let followed = Followed::new(subject, move |_, _| {
        takes_away.send_replace(None);
        async { Err(failed()) }
    });
    tokio::time::sleep(LONG).await;
    assert_eq!(*followed.faults.lock(), [None]);
}
