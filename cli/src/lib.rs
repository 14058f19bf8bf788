//! `understudy`, the command line for people: what people's backends do with participants, and what they look at. It works through
//! a kubeconfig with the rights of whoever runs it, and needs no operator to be reachable.
//!
//! Lowest layer first; a module imports only from earlier groups, members of a group do not import each other. What is decided is
//! decided in the first three groups, without a cluster.

pub mod age;
pub mod duration;
pub mod forbidden;
pub mod standing;
pub mod table;

pub mod args;
pub mod failure;

pub mod change;
pub mod request;
pub mod row;
pub mod step;
pub mod view;

pub mod child;
pub mod cluster;
pub mod tell;
pub mod token;

pub mod follow;

pub mod completion;
pub mod invite;
pub mod kick;
pub mod list;
pub mod logs;
pub mod open;
pub mod watch;

pub mod app;

#[cfg(test)]
mod reference;
