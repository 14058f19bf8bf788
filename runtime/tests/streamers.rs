//! Streamers from outside: their HTTP, their sockets of both kinds, and peers on another WebRTC stack.

mod client;
mod clients;
mod crowd;
mod narrow;
mod older;
mod pages;
mod peers;
mod rest;
mod returns;
mod rights;
mod sockets;
mod strangers;
mod typed;
mod watcher;
mod withdrawn;
