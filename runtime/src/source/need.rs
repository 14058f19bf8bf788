//! Who needs what a source delivers: a page that looks through the camera, whoever listens to the microphone or the speaker.

use std::time::Duration;

use tokio::sync::watch;
use understudy_core::input::Plan;
use understudy_core::media::Kind;

use super::Surroundings;

/// Whether somebody does; where nobody can tell, it is taken that they do. Clones are the same.
#[derive(Clone, Debug)]
pub(super) enum Need {
    Said(watch::Receiver<bool>),
    /// By so many.
    Counted(watch::Receiver<usize>),
}

/// The needs of all that one source carries.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    picture: Option<Side>,
    sound: Option<Side>,
}

#[derive(Clone, Debug)]
struct Side {
    /// What is decoded of it.
    decoded: Need,
    /// It as it comes.
    passed: Need,
}

impl Side {
    fn is(&self) -> bool {
        self.decoded.is() || self.passed.is()
    }
}

impl Need {
    pub fn is(&self) -> bool {
        match self {
            Self::Said(told) => *told.borrow(),
            Self::Counted(count) => *count.borrow() > 0,
        }
    }

    pub async fn changed(&mut self) {
        let changed = match self {
            Self::Said(told) => told.changed().await,
            Self::Counted(count) => count.changed().await,
        };
        if changed.is_err() {
            // It stays what it is.
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when somebody needs it.
    pub async fn until_any(&mut self) {
        while !self.is() {
            self.changed().await;
        }
    }

    /// Resolves when nobody has needed it for so long.
    pub async fn until_none_for(&mut self, time: Duration) {
        loop {
            while self.is() {
                self.changed().await;
            }
            if tokio::time::timeout(time, self.until_any()).await.is_err() {
                return;
            }
        }
    }
}

impl From<watch::Receiver<bool>> for Need {
    fn from(told: watch::Receiver<bool>) -> Self {
        Self::Said(told)
    }
}

impl Needs {
    pub fn of(plan: &Plan, surroundings: &Surroundings) -> Self {
        let Surroundings { picture, ears, sound, .. } = surroundings;
        let picture = plan.carries.video().then(|| Side {
            decoded: picture.read().into(),
            passed: Need::Counted(picture.passage().demand()),
        });
        let sound = plan.carries.audio().then(|| Side {
            decoded: ears.of(plan.destination).into(),
            passed: Need::Counted(sound.demand()),
        });
        Self { picture, sound }
    }

    /// Whether anything of it is needed.
    pub fn any(&self) -> bool {
        self.picture.iter().chain(&self.sound).any(Side::is)
    }

    /// Whether it is needed decoded.
    pub fn is(&self, kind: Kind) -> bool {
        self.of_kind(kind).is_some_and(|side| side.decoded.is())
    }

    /// Whether it is needed as it comes.
    pub fn is_passed(&self, kind: Kind) -> bool {
        self.of_kind(kind).is_some_and(|side| side.passed.is())
    }

    /// Whether there is any of this kind.
    pub fn carry(&self, kind: Kind) -> bool {
        self.of_kind(kind).is_some()
    }

    const fn of_kind(&self, kind: Kind) -> Option<&Side> {
        match kind {
            Kind::Video => self.picture.as_ref(),
            Kind::Audio => self.sound.as_ref(),
        }
    }

    pub async fn changed(&mut self) {
        tokio::select! {
            () = changed(&mut self.picture) => {}
            () = changed(&mut self.sound) => {}
        }
    }
}

async fn changed(side: &mut Option<Side>) {
    match side {
        Some(Side { decoded, passed }) => tokio::select! {
            () = decoded.changed() => {}
            () = passed.changed() => {}
        },
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHILE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_need_that_comes_back_in_time_was_never_away() {
        let (tell, told) = watch::channel(true);
        let mut need = Need::from(told);
        let gone = tokio::spawn(async move { need.until_none_for(WHILE).await });
        for needed in [false, true, false] {
            tell.send_replace(needed);
            tokio::time::sleep(WHILE / 2).await;
        }
        assert!(!gone.is_finished());
        tokio::time::sleep(WHILE).await;
        assert!(gone.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_can_tell_any_more_stays_as_it_was() {
        let (tell, told) = watch::channel(true);
        drop(tell);
        let mut need = Need::from(told);
        assert!(tokio::time::timeout(WHILE, need.changed()).await.is_err());
        assert!(need.is());
    }
}
