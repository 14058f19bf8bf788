//! The API over gRPC.

use crate::api::caller::Visit;
use crate::api::convert;
use crate::api::desk::{Desk, Which, Who};
use crate::api::page::Page;
use crate::api::refused::Refused;
use crate::api::watch::Watched;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use understudy_client::selector;
use understudy_proto::participants::v1 as api;
use understudy_proto::participants::v1::participants_server::Participants;

pub(super) struct Service {
    pub(super) desk: Arc<Desk>,
}

/// What a request says, and who sent it.
fn opened<T>(request: Request<T>) -> (Visit, T) {
    let (metadata, extensions, message) = request.into_parts();
    (Visit::new(metadata.into_headers(), &extensions), message)
}

#[tonic::async_trait]
impl Participants for Service {
    async fn invite(
        &self,
        request: Request<api::InviteRequest>,
    ) -> Result<Response<api::Participant>, Status> {
        let (visit, asked) = opened(request);
        let invited = async {
            let who = who(asked.name, asked.selector)?;
            let invite = convert::invite(asked.invitation, Timestamp::now())?;
            self.desk.invite(&visit, &asked.namespace, who, invite).await
        };
        let invited = self.desk.count("Invite", invited.await)?;
        Ok(Response::new(convert::participant(&invited)))
    }

    async fn kick(&self, request: Request<api::KickRequest>) -> Result<Response<api::Participant>, Status> {
        let (visit, api::KickRequest { namespace, name, invitation_id }) = opened(request);
        let kicked = self.desk.kick(&visit, &namespace, &name, &invitation_id).await;
        Ok(Response::new(convert::participant(&self.desk.count("Kick", kicked)?)))
    }

    async fn get(&self, request: Request<api::GetRequest>) -> Result<Response<api::Participant>, Status> {
        let (visit, api::GetRequest { namespace, name }) = opened(request);
        let found = self.desk.get(&visit, &namespace, &name).await;
        Ok(Response::new(convert::participant(&self.desk.count("Get", found)?)))
    }

    async fn list(&self, request: Request<api::ListRequest>) -> Result<Response<api::ListResponse>, Status> {
        let (visit, asked) = opened(request);
        let listed = async {
            let which = Which::read(asked.namespace, &asked.selector)?;
            self.desk.list(&visit, &which, asked.page_size, &asked.page_token).await
        };
        let Page { participants, next } = self.desk.count("List", listed.await)?;
        Ok(Response::new(api::ListResponse { participants, next_page_token: next }))
    }

    type WatchStream = BoxStream<'static, Result<api::WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<api::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (visit, asked) = opened(request);
        let watched = async {
            let which = Which::read(asked.namespace, &asked.selector)?;
            self.desk.watch(&visit, which).await
        };
        let changes = self.desk.count("Watch", watched.await)?;
        let messages = changes.map(|Watched { participants, gone, synced }| {
            Ok(api::WatchResponse { participants, gone, synced })
        });
        Ok(Response::new(messages.boxed()))
    }
}

/// Whom a request names: the one or the other.
pub(super) fn who(name: Option<String>, selector: Option<String>) -> Result<Who, Refused> {
    match (name, selector) {
        (Some(name), None) if name.is_empty() => Err(Refused::invalid("name", "is empty")),
        (Some(name), None) => Ok(Who::Named(name)),
        (None, Some(selector)) => Ok(Who::Selected(selector::parse(&selector)?)),
        _ => Err(Refused::invalid("name", "or selector must be set, and not both")),
    }
}
