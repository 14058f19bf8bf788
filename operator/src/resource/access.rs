//! The Secret with the tokens that let people and programs into one session.

use crate::names;
use crate::owner::Owner;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use understudy_crds::ACCESS_SECRET_TYPE;

/// `tokens` are in the order of [`names::ACCESS_KEYS`].
pub fn access_secret(owner: &Owner, tokens: &[String; 3]) -> Secret {
    let pairs = names::ACCESS_KEYS.iter().zip(tokens);
    Secret {
        metadata: owner.metadata(owner.access_secret(), "access"),
        type_: Some(ACCESS_SECRET_TYPE.into()),
        data: Some(
            pairs.map(|(key, token)| ((*key).into(), ByteString(token.clone().into_bytes()))).collect(),
        ),
        ..Secret::default()
    }
}
