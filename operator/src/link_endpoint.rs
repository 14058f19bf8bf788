//! The way to the leader: a Service without a selector, whose one EndpointSlice every new leader points at itself. One
//! write a hand-over.

use crate::names;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use std::net::IpAddr;

/// Where a leader listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// For sessions.
    pub link: u16,
    /// For people's backends.
    pub api: u16,
}

/// Has the Service lead to `target`. The slice goes when the Service does.
pub async fn publish(
    client: &Client,
    namespace: &str,
    service: &str,
    target: IpAddr,
    ports: Ports,
) -> Result<(), kube::Error> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = services.get(service).await?;
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let slice = slice(&service, target, ports);
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    slices.patch(&slice.name_any(), &params, &Patch::Apply(&slice)).await?;
    tracing::info!(%target, "the link Service leads here");
    Ok(())
}

/// The family of addresses is immutable in a slice, so that each has a slice of its own name.
fn slice(service: &Service, target: IpAddr, ports: Ports) -> EndpointSlice {
    let (family, suffix) = match target {
        IpAddr::V4(_) => ("IPv4", "ipv4"),
        IpAddr::V6(_) => ("IPv6", "ipv6"),
    };
    let name = service.name_any();
    let labels = [
        ("kubernetes.io/service-name", name.as_str()),
        ("endpointslice.kubernetes.io/managed-by", names::FIELD_MANAGER),
        ("app.kubernetes.io/managed-by", names::FIELD_MANAGER),
    ];
    EndpointSlice {
        metadata: ObjectMeta {
            name: Some(format!("{name}-{suffix}")),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Service".into(),
                name,
                uid: service.uid().unwrap_or_default(),
                controller: None,
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        address_type: family.into(),
        endpoints: vec![Endpoint {
            addresses: vec![target.to_string()],
            conditions: Some(EndpointConditions { ready: Some(true), ..EndpointConditions::default() }),
            ..Endpoint::default()
        }],
        ports: Some(
            [("link", ports.link), ("api", ports.api)].map(|(name, port)| endpoint(name, port)).into(),
        ),
    }
}

fn endpoint(name: &str, port: u16) -> EndpointPort {
    EndpointPort {
        name: Some(name.into()),
        port: Some(port.into()),
        protocol: Some("TCP".into()),
        app_protocol: None,
    }
}
