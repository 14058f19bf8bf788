//! Another size or rate of the display, which somebody asks for over HTTP.

use std::time::Duration;

use tokio::sync::oneshot;
use understudy_core::resize::{Asked, Courtesy, Refusal, Resized, Shape, Uses};

use super::director::Director;
use super::{Handle, Mail};

/// A display is started anew for another size within a second; on a machine that has much to do, some more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the display is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ResizeError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is started again until it is there.
    #[error("failed to change resolution: the display is not there within {} s", PATIENCE.as_secs())]
    Late,
    #[error("the session has ended")]
    Ended,
}

impl Director {
    /// What it will be. For another size, display, browser and page begin anew.
    pub(super) async fn resize(&mut self, asked: Asked, courtesy: Courtesy) -> Result<Shape, Refusal> {
        let now = self.asked.session.page.as_ref().map(Shape::of);
        let uses = Uses {
            watched: self.show.is_watched(),
            recorded: self.recordings.are_running(),
            streamed: self.streams.are_started(),
        };
        let to = asked.decide(now, courtesy, uses)?;
        if let Some(now) = now.filter(|now| *now != to) {
            self.asked.resized = Resized::new(self.asked.resized, now, to);
            tracing::info!(?to, "the display is resized");
            let mut after = self.asked.session.clone();
            after.page.iter_mut().for_each(|page| (page.size, page.frame_rate) = (to.size, to.frame_rate));
            self.become_session(after).await;
            self.call(self.asked.stance);
            self.offer();
        }
        Ok(to)
    }
}

impl Handle {
    /// Resolves when the display is so.
    pub async fn resize(&self, asked: Asked, courtesy: Courtesy) -> Result<Shape, ResizeError> {
        let (answer, answered) = oneshot::channel();
        let message = Mail::Resize(asked, courtesy, answer);
        self.mailbox.send(message).await.map_err(|_| ResizeError::Ended)?;
        let to = answered.await.map_err(|_| ResizeError::Ended)??;
        let mut screen = self.screen();
        let there = screen.wait_for(|screen| {
            screen.as_ref().is_some_and(|screen| (screen.size, screen.frame_rate) == (to.size, to.frame_rate))
        });
        match tokio::time::timeout(PATIENCE, there).await {
            Ok(Ok(_)) => Ok(to),
            Ok(Err(_)) => Err(ResizeError::Ended),
            Err(_) => Err(ResizeError::Late),
        }
    }
}
