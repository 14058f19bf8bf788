//! Streamers from outside: their HTTP, their sockets of both kinds, and peers on another WebRTC stack.

mod client;
mod clients;
mod crowd;
mod older;
mod pages;
mod peers;
mod rest;
mod returns;
mod rights;
mod sockets;
mod typed;
mod watcher;
