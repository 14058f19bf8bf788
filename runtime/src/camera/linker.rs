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

/// A link that the daemon does not announce in this time was refused, which it tells nobody.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(300);

/// What the registry told, and the links asked for from it.
#[derive(Default)]
pub(super) struct Linker {
    camera: Option<u32>,
    consumers: Vec<u32>,
    /// By node: the first port of the direction that matters.
    outputs: HashMap<u32, u32>,
    inputs: HashMap<u32, u32>,
    /// Links that the registry announced, with the consumer of each.
    links: HashMap<u32, u32>,
    /// By consumer: the link that was asked for last, which lives as long as its proxy.
    asked: HashMap<u32, (Instant, Link)>,
}

impl Linker {
    pub(super) fn camera_is(&mut self, node: u32) {
        self.camera = Some(node);
    }

    pub(super) fn add(&mut self, global: &GlobalObject<&DictRef>) {
        let Some(props) = global.props else { return };
        match global.type_ {
            ObjectType::Node if props.get("media.class") == Some("Stream/Input/Video") => {
                self.consumers.push(global.id);
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
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.consumers.retain(|consumer| *consumer != id);
        self.outputs.retain(|node, port| *node != id && *port != id);
        self.inputs.retain(|node, port| *node != id && *port != id);
        self.links.remove(&id);
        self.asked.remove(&id);
    }

    /// Whether a link is missing.
    pub(super) fn is_awaited(&self) -> bool {
        self.consumers.iter().any(|consumer| !self.is_linked(*consumer))
    }

    fn is_linked(&self, consumer: u32) -> bool {
        self.links.values().any(|linked| *linked == consumer)
    }

    /// Makes the links that are missing; called again and again, since a try may come too early and is then refused without a word.
    pub(super) fn link(&mut self, core: &CoreRc) {
        let Some((camera, output)) = self.camera.and_then(|c| self.outputs.get(&c).map(|port| (c, *port)))
        else {
            return;
        };
        for consumer in &self.consumers {
            let waiting = self.asked.get(consumer).is_some_and(|(at, _)| at.elapsed() < ANNOUNCED_WITHIN);
            let Some(input) = self.inputs.get(consumer).filter(|_| !self.is_linked(*consumer) && !waiting)
            else {
                continue;
            };
            let made = core.create_object::<Link>(
                "link-factory",
                &properties! {
                    "link.output.node" => camera.to_string(),
                    "link.output.port" => output.to_string(),
                    "link.input.node" => consumer.to_string(),
                    "link.input.port" => input.to_string(),
                },
            );
            match made {
                Ok(link) => {
                    tracing::debug!(camera, consumer, "link asked for");
                    self.asked.insert(*consumer, (Instant::now(), link));
                }
                Err(error) => tracing::debug!(consumer, %error, "link not made yet"),
            }
        }
    }
}
