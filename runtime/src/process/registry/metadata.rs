//! What people keep beside processes, and beside none of them: any JSON under a key.

use std::collections::BTreeMap;

use serde_json::Value;

use super::book::Book;
use super::{Error, Processes};

/// Pieces of metadata of one process, and of none.
pub(super) const MOST_METADATA: usize = 256;

/// Bytes of it as JSON, keys included.
pub(super) const METADATA_BYTES: usize = 1 << 20;

impl Processes {
    /// All metadata of a process, or of none; `key`: that piece of it.
    pub fn metadata(&self, id: Option<&str>, key: Option<&str>) -> Result<Option<Value>, Error> {
        let mut book = self.0.book.lock();
        let all = book.metadata_of(id)?;
        Ok(match key {
            None => Some(Value::Object(all.clone().into_iter().collect())),
            Some(key) => all.get(key).cloned(),
        })
    }

    /// Keeps a piece of metadata, or with `null` drops it.
    pub fn set_metadata(&self, id: Option<&str>, key: &str, value: &Value) -> Result<(), Error> {
        let mut book = self.0.book.lock();
        let all = book.metadata_of(id)?;
        if value.is_null() {
            all.remove(key);
            self.0.changed.notify_one();
            return Ok(());
        }
        if all.len() >= MOST_METADATA && !all.contains_key(key) {
            return Err(Error::TooMuchMetadata);
        }
        let others = all.iter().filter(|(other, _)| *other != key);
        let others: usize = others.map(|(key, value)| key.len() + value.to_string().len()).sum();
        if others + key.len() + value.to_string().len() > METADATA_BYTES {
            return Err(Error::LongMetadata);
        }
        all.insert(key.to_owned(), value.clone());
        self.0.changed.notify_one();
        Ok(())
    }
}

impl Book {
    fn metadata_of(&mut self, id: Option<&str>) -> Result<&mut BTreeMap<String, Value>, Error> {
        match id {
            None => Ok(&mut self.metadata),
            Some(id) => Ok(&mut self.entry(id)?.metadata),
        }
    }
}
