//! A session for tests that has no task: the test takes its messages, or does not.

use tokio::sync::{mpsc, watch};
use understudy_proto::v1;

use super::{Handle, InputsView, MAILBOX, Message};

pub(crate) struct Stub {
    messages: mpsc::Receiver<Message>,
    report: watch::Sender<v1::Report>,
}

impl Stub {
    pub(crate) fn new() -> (Handle, Self) {
        let (mailbox, messages) = mpsc::channel(MAILBOX);
        let report = watch::Sender::new(v1::Report::default());
        let handle = Handle {
            mailbox,
            report: report.subscribe(),
            inputs: watch::channel(InputsView::default()).1,
            devtools: watch::channel(None).1,
        };
        (handle, Self { messages, report })
    }

    pub(crate) fn tell(&self, report: v1::Report) {
        self.report.send_replace(report);
    }

    /// Takes one message, and answers if it asks whether anybody does. False: nobody heard the answer.
    pub(crate) async fn take(&mut self) -> bool {
        match self.messages.recv().await {
            Some(Message::Ping(answer)) => answer.send(()).is_ok(),
            message => message.is_some(),
        }
    }
}
