//! Our own session manager: links every consumer of video to the camera node.
//!
//! Chromium only asks for AUTOCONNECT; somebody has to make the link. Unlike stock session managers this
//! one never destroys a consumer's stream, so a track outlives a restart of the node.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pipewire::core::CoreRc;
use pipewire::link::Link;
use pipewire::properties::properties;
use pipewire::registry::GlobalObject;
use pipewire::spa::utils::dict::DictRef;
use pipewire::types::ObjectType;

/// From a consumer's being there without a link to our making one. Chromium's capture service ends itself where the format
/// of a link arrives before the thread that asked for the camera is back from asking (WebRTC's `capture_checker_`), which on a
/// machine that does more than this takes longer than a link; and a page that closes the camera takes the link away before
/// its consumer.
pub(super) const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// A link that the daemon does not announce in this time was refused, which it tells nobody.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(300);

/// What the registry told, and the links asked for from it.
#[derive(Default)]
pub(super) struct Linker {
    camera: Option<u32>,
    /// Since when each has no link; none while it has one.
    consumers: HashMap<u32, Option<Instant>>,
    /// By node: the first port of the direction that matters.
    outputs: HashMap<u32, u32>,
    inputs: HashMap<u32, u32>,
    /// Links that the registry announced, with the consumer of each.
    links: HashMap<u32, u32>,
    /// By consumer: the link that was asked for last, which lives as long as its proxy, if it could be asked for.
    asked: HashMap<u32, (Instant, Option<Link>)>,
}

impl Linker {
    pub(super) fn camera_is(&mut self, node: u32) {
        self.camera = Some(node);
    }

    pub(super) fn add(&mut self, global: &GlobalObject<&DictRef>, now: Instant) {
        let Some(props) = global.props else { return };
        match global.type_ {
            ObjectType::Node if props.get("media.class") == Some("Stream/Input/Video") => {
                self.consumers.insert(global.id, Some(now));
            }
            ObjectType::Port => {
                let Some(node) = props.get("node.id").and_then(|id| id.parse().ok()) else { return };
                let ports = match props.get("port.direction") {
                    Some("out") => &mut self.outputs,
                    _ => &mut self.inputs,
                };
                ports.entry(node).or_insert(global.id);
            }
            ObjectType::Link => {
                if let Some(consumer) = props.get("link.input.node").and_then(|id| id.parse().ok()) {
                    self.links.insert(global.id, consumer);
                    self.consumers.entry(consumer).and_modify(|missing| *missing = None);
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, id: u32, now: Instant) {
        self.consumers.remove(&id);
        self.outputs.retain(|node, port| *node != id && *port != id);
        self.inputs.retain(|node, port| *node != id && *port != id);
        if let Some(consumer) = self.links.remove(&id) {
            self.consumers.entry(consumer).and_modify(|missing| *missing = Some(now));
        }
        self.asked.remove(&id);
    }

    /// When the next link is to be made, as far as is known; none while none is missing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.camera_and_output()?;
        self.missing().map(|(_, _, due)| due).min()
    }

    /// Makes the links that are due; called again and again, since a try may come too early and is then refused without a word.
    pub(super) fn link(&mut self, core: &CoreRc, now: Instant) {
        let Some((camera, output)) = self.camera_and_output() else { return };
        let due: Vec<_> = self.missing().filter(|(_, _, due)| *due <= now).collect();
        for (consumer, input, _) in due {
            let made = core.create_object::<Link>(
                "link-factory",
                &properties! {
                    "link.output.node" => camera.to_string(),
                    "link.output.port" => output.to_string(),
                    "link.input.node" => consumer.to_string(),
                    "link.input.port" => input.to_string(),
                },
            );
            match &made {
                Ok(_) => tracing::debug!(camera, consumer, "link asked for"),
                Err(error) => tracing::debug!(consumer, %error, "link not made yet"),
            }
            self.asked.insert(consumer, (now, made.ok()));
        }
    }

    fn camera_and_output(&self) -> Option<(u32, u32)> {
        let camera = self.camera?;
        Some((camera, *self.outputs.get(&camera)?))
    }

    /// Consumers without a link, with the port of each and when it is to be linked.
    fn missing(&self) -> impl Iterator<Item = (u32, u32, Instant)> {
        self.consumers.iter().filter_map(|(consumer, missing)| {
            let asked = self.asked.get(consumer).map(|(at, _)| *at + ANNOUNCED_WITHIN);
            let due = (*missing)? + SETTLED_AFTER;
            Some((*consumer, *self.inputs.get(consumer)?, asked.map_or(due, |asked| due.max(asked))))
        })
    }
}
