//! The runtime with its real parts: Xvfb, PulseAudio, D-Bus, PipeWire, Chromium, GStreamer, and senders and viewers on other
//! stacks. One program, so that a change is linked to it once; `scripts/test` runs its modules beside each other as far as
//! what they judge allows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests, too")]

mod calls;
mod camera_file;
mod clients;
mod desk_page;
mod desks;
mod devtools_proxy;
mod disturbances;
mod guard;
mod guarded_session;
mod inputs;
mod invited;
mod legs;
mod livestreams;
mod origin;
mod participant_socket;
mod passed;
mod processes;
mod recording;
mod recordings;
mod reference;
mod resize;
mod rtmp;
mod screenshot;
mod session;
mod socket;
mod sound;
mod stage_page;
mod steering;
mod streamers;
mod streams;
mod support;
mod test_picture;
mod transport_stream;
mod view;
mod virtual_inputs_http;
mod webm;
mod webrtc_in;
mod whep;
mod whip_out;
