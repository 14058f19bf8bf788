//! What must not stand in a spec, where everybody who may read it would read it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// One value of a Secret in the same namespace.
///
/// The Secret is of `type: understudy.dev/credentials`: no other is ever sent anywhere. Its annotation
/// `understudy.dev/allowed-hosts`, names of hosts with commas between them, says to whom alone; `*.example.org` stands for all
/// below a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret. A change is live, unless what names it is immutable.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Which of its values. A change is live, unless what names it is immutable.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
