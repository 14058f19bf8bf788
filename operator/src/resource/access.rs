//! The Secret with the tokens that let people and programs into one session.

use crate::names;
use crate::resource::owned;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use understudy_crds::ACCESS_SECRET_TYPE;
use understudy_crds::v1alpha1::VirtualParticipant;

/// `tokens` are in the order of [`names::ACCESS_KEYS`].
pub fn access_secret(participant: &VirtualParticipant, tokens: &[String; 3]) -> Secret {
    let pairs = names::ACCESS_KEYS.iter().zip(tokens);
    Secret {
        metadata: owned(participant, names::access_secret(&participant.name_any()), "access"),
        type_: Some(ACCESS_SECRET_TYPE.into()),
        data: Some(
            pairs.map(|(key, token)| ((*key).into(), ByteString(token.clone().into_bytes()))).collect(),
        ),
        ..Secret::default()
    }
}
