//! Which program is meant by a name. Whatever makes programs tells them here, whoever serves them looks here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use understudy_core::spec::Choice;

use super::{Audience, Present, Program};

type Names = BTreeMap<String, Program>;

/// Clones are the same.
#[derive(Clone, Default)]
pub struct Registry {
    names: Arc<watch::Sender<Names>>,
    audience: Audience,
}

/// What a name stands for at this moment.
pub enum Found {
    Unknown,
    /// It exists, and has nothing to show yet.
    Silent,
    Live(Program),
}

impl Registry {
    /// From now on these are the names of that program, and no others. A name that another program has stays with it.
    pub fn name(&self, program: &Program, names: impl IntoIterator<Item = String>) {
        self.name_at(program, names.into_iter().map(|name| (name, Choice::default())));
    }

    /// The same, each with what of it is shown under it.
    pub fn name_at(&self, program: &Program, names: impl IntoIterator<Item = (String, Choice)>) {
        self.names.send_if_modified(|now| {
            let mut after = now.clone();
            after.retain(|_, other| !other.is(program));
            for (name, choice) in names {
                after.entry(name).or_insert_with(|| program.at(choice));
            }
            let changed = !same(now, &after);
            *now = after;
            changed
        });
    }

    /// Nobody's from now on, whoever had it.
    pub fn free(&self, name: &str) {
        self.names.send_if_modified(|now| now.remove(name).is_some());
    }

    pub fn find(&self, name: &str) -> Found {
        match self.names.borrow().get(name) {
            None => Found::Unknown,
            Some(program) if program.shows() => Found::Live(program.clone()),
            Some(_) => Found::Silent,
        }
    }

    /// Somebody watches what has this name, over a way that keeps no count of its own.
    pub fn enter(&self, name: &str) -> Present {
        self.audience.enter(name)
    }

    /// How many did and did not leave.
    pub fn audience(&self, name: &str) -> watch::Receiver<usize> {
        self.audience.of(name)
    }

    /// What it stands for, for whom it is worth a while that what exists has something to show.
    pub async fn find_within(&self, name: &str, patience: Duration) -> Found {
        let there = self.names.borrow().get(name).cloned();
        if let Some(program) = there {
            let _ = tokio::time::timeout(patience, program.showing()).await;
        }
        self.find(name)
    }

    /// Whether the name stands for that program.
    pub fn stands(&self, name: &str, program: &Program) -> bool {
        stands(&self.names.borrow(), name, program)
    }

    /// Resolves when the name stands for that program no more: whoever reads under it has to end then.
    pub fn gone(&self, name: &str, program: &Program) -> impl Future<Output = ()> + Send + use<> {
        let (mut names, name, program) = (self.names.subscribe(), name.to_owned(), program.clone());
        async move {
            // With the registry all names are gone.
            let _ = names.wait_for(|now| !stands(now, &name, &program)).await;
        }
    }

    #[cfg(test)]
    pub(crate) fn named(&self, name: &str) -> Option<Program> {
        self.names.borrow().get(name).cloned()
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.borrow().keys().cloned().collect()
    }

    /// Calls `gone` with each name that stands for its program no more, until the last handle on the registry is dropped.
    pub async fn tell_gone<F: Future<Output = ()>>(self, gone: impl Fn(String) -> F) {
        let mut names = self.names.subscribe();
        drop(self);
        let mut before = names.borrow_and_update().clone();
        while names.changed().await.is_ok() {
            let now = names.borrow_and_update().clone();
            for (name, program) in before {
                if !stands(&now, &name, &program) {
                    gone(name).await;
                }
            }
            before = now;
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names.borrow().keys()).finish()
    }
}

fn stands(names: &Names, name: &str, program: &Program) -> bool {
    names.get(name).is_some_and(|other| other.is_as(program))
}

fn same(a: &Names, b: &Names) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|((name, program), (other, another))| name == other && program.is_as(another))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::{Metrics, Renditions};

    fn program() -> (Program, watch::Sender<bool>) {
        let shows = watch::Sender::new(true);
        (Program::of(&Renditions::new(&Metrics::default()), shows.subscribe()), shows)
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_name_is_its_program_s_until_that_gives_it_up() {
        let (registry, (ada, _shows), (bob, shows)) = (Registry::default(), program(), program());
        registry.name(&ada, named(&["program", "a"]));
        registry.name(&bob, named(&["a", "b"]));
        assert_eq!(registry.names(), ["a", "b", "program"]);
        assert!(matches!(registry.find("a"), Found::Live(found) if found.is(&ada)));
        assert!(matches!(registry.find("b"), Found::Live(found) if found.is(&bob)));
        shows.send_replace(false);
        assert!(matches!(registry.find("b"), Found::Silent));
        registry.name(&ada, []);
        assert!(matches!(registry.find("program"), Found::Unknown));
        registry.name(&bob, named(&["a"]));
        assert!(matches!(registry.find("a"), Found::Silent));
        registry.free("a");
        registry.name(&ada, named(&["a"]));
        assert!(matches!(registry.find("a"), Found::Live(found) if found.is(&ada)), "it was free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_hears_that_its_name_is_another_s_or_nobody_s() {
        let (registry, (ada, _shows), (bob, _also)) = (Registry::default(), program(), program());
        registry.name(&ada, named(&["a", "b"]));
        let [a, b] = ["a", "b"].map(|name| registry.gone(name, &ada));
        assert!(registry.stands("a", &ada) && !registry.stands("a", &bob));
        registry.name(&ada, named(&["b"]));
        registry.name(&bob, named(&["a"]));
        let at_once = Duration::from_millis(1);
        tokio::time::timeout(at_once, a).await.unwrap();
        tokio::time::timeout(at_once, registry.gone("nowhere", &ada)).await.unwrap();
        let mut b = std::pin::pin!(b);
        assert!(tokio::time::timeout(at_once, &mut b).await.is_err(), "it stands");
        drop(registry);
        tokio::time::timeout(at_once, b).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_told_by_name() {
        let (registry, (ada, _shows)) = (Registry::default(), program());
        let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let ears = Arc::clone(&told);
        let tell = move |name| {
            ears.lock().push(name);
            std::future::ready(())
        };
        let telling = tokio::spawn(registry.clone().tell_gone(tell));
        registry.name(&ada, named(&["program", "a"]));
        tokio::time::sleep(Duration::from_millis(1)).await;
        registry.name(&ada, named(&["program"]));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(*told.lock(), ["a"]);
        drop((registry, ada));
        telling.await.unwrap();
    }
}
