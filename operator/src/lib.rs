//! The operator: observe, validate, decide, build, apply, report. Modules are listed lowest layer first; a module uses
//! only earlier groups.

pub mod deadline;
pub mod listen;
pub mod names;
pub mod redact;
pub mod retry;
pub mod tasks;

pub mod owner;
pub mod profile;
pub mod telemetry;
pub mod trigger;

pub mod metrics;

pub mod condition;
pub mod endpoint;
pub mod resource;

pub mod capability;
pub mod progress;

pub mod authority;
pub mod credentials;
pub mod event;
pub mod lease;
pub mod link_endpoint;
pub mod status;
pub mod store;

pub mod look;
pub mod outcome;
pub mod recheck;

pub mod apply;
pub mod control;

pub mod provide;
pub mod view;

pub mod serving;

pub mod livestream;
pub mod participant;

pub mod api;

pub mod admin;
pub mod args;

pub mod app;
pub mod verify;
