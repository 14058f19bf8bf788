//! Our own session manager: links every consumer of video to the camera node.
//!
//! Chromium only asks for AUTOCONNECT; somebody has to make the link. Unlike stock session managers this
//! one never destroys a consumer's stream, so a track outlives a restart of the node.

use std::collections::HashMap;

use pipewire::core::CoreRc;
use pipewire::link::Link;
use pipewire::properties::properties;
use pipewire::registry::GlobalObject;
use pipewire::spa::utils::dict::DictRef;
use pipewire::types::ObjectType;

/// What the registry told, and the links made from it.
#[derive(Default)]
pub(super) struct Linker {
    camera: Option<u32>,
    consumers: Vec<u32>,
    /// By node: the first port of the direction that matters.
    outputs: HashMap<u32, u32>,
    inputs: HashMap<u32, u32>,
    /// By consumer; a link lives as long as its proxy.
    links: HashMap<u32, Link>,
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
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.consumers.retain(|consumer| *consumer != id);
        self.outputs.retain(|node, port| *node != id && *port != id);
        self.inputs.retain(|node, port| *node != id && *port != id);
        self.links.remove(&id);
    }

    /// Makes the links that are missing; called again and again, since a first try may come too early.
    pub(super) fn link(&mut self, core: &CoreRc) {
        let Some((camera, output)) = self.camera.and_then(|c| self.outputs.get(&c).map(|port| (c, *port)))
        else {
            return;
        };
        for consumer in &self.consumers {
            let Some(input) = self.inputs.get(consumer).filter(|_| !self.links.contains_key(consumer)) else {
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
                    tracing::debug!(camera, consumer, "camera linked");
                    self.links.insert(*consumer, link);
                }
                Err(error) => tracing::debug!(consumer, %error, "link not made yet"),
            }
        }
    }
}
