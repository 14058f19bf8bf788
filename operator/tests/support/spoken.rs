//! One stream of the control link, to see how it ends.

use crate::support::{NAMESPACE, World};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::{Request, Status, Streaming};
use understudy_operator::names;
use understudy_proto::v1::control_link_client::ControlLinkClient;
use understudy_proto::v1::{Hello, OperatorMessage, PodIdentity, RuntimeMessage, runtime_message};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Spoken {
    downward: Streaming<OperatorMessage>,
}

impl Spoken {
    /// Said Hello, and was welcomed.
    pub async fn open(world: &World, pod: &Pod) -> Self {
        let token = world.token(pod, names::SESSION_AUDIENCE).await;
        let channel = world.channel().await;
        let hello = Hello {
            boot_id: "b1".into(),
            pod: Some(PodIdentity {
                namespace: NAMESPACE.into(),
                name: pod.name_any(),
                uid: pod.uid().unwrap(),
            }),
            protocol_min: 1,
            protocol_max: 1,
            ..Hello::default()
        };
        let hello = RuntimeMessage { kind: Some(runtime_message::Kind::Hello(hello)) };
        let mut request = Request::new(tokio_stream::once(hello).chain(tokio_stream::pending()));
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut downward = ControlLinkClient::new(channel).link(request).await.unwrap().into_inner();
        downward.message().await.unwrap().expect("a Welcome must come");
        Self { downward }
    }

    /// What ends it.
    pub async fn last_word(mut self) -> Status {
        let end = async {
            loop {
                match self.downward.message().await {
                    Ok(Some(_message)) => {}
                    Ok(None) => return Status::ok("ended"),
                    Err(status) => return status,
                }
            }
        };
        tokio::time::timeout(PATIENCE, end).await.expect("the stream must end")
    }
}
