//! The ConfigMap by which a session knows its operator. It belongs to no participant: all of a namespace use it.

use crate::names;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// `roots` is one certificate in PEM, or several while the authority is rotated.
pub fn ca_config_map(namespace: &str, roots: &str) -> ConfigMap {
    let labels = [
        ("app.kubernetes.io/name", "understudy"),
        ("app.kubernetes.io/component", "authority"),
        ("app.kubernetes.io/part-of", "understudy"),
        ("app.kubernetes.io/managed-by", "understudy-operator"),
    ];
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(names::CA_CONFIG_MAP.into()),
            namespace: Some(namespace.into()),
            labels: Some(labels.map(|(key, value)| (key.into(), value.into())).into()),
            ..ObjectMeta::default()
        },
        data: Some([(names::CA_KEY.to_owned(), roots.to_owned())].into()),
        ..ConfigMap::default()
    }
}
