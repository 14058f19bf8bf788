//! What ties a pod to its operator.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

/// What the operator puts into a pod.
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// `host:port` of the operator's control link.
    #[arg(long, env = "UNDERSTUDY_OPERATOR_ADDRESS")]
    pub operator_address: Option<String>,

    /// The name in the operator's certificate, if it is not the address's host.
    #[arg(long, env = "UNDERSTUDY_OPERATOR_SERVER_NAME")]
    pub operator_server_name: Option<String>,

    /// The projected ServiceAccount token.
    #[arg(long, env = "UNDERSTUDY_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,

    /// The operator's certificate authority.
    #[arg(long, env = "UNDERSTUDY_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// The pod that this runs in.
    #[arg(long, env = "UNDERSTUDY_POD_NAME")]
    pub pod_name: Option<String>,

    /// The pod's namespace.
    #[arg(long, env = "UNDERSTUDY_POD_NAMESPACE")]
    pub pod_namespace: Option<String>,

    /// The pod's UID.
    #[arg(long, env = "UNDERSTUDY_POD_UID")]
    pub pod_uid: Option<String>,

    /// The pod's addresses, comma-separated, at which media is announced unless told otherwise.
    #[arg(long = "pod-ip", env = "UNDERSTUDY_POD_IP", value_delimiter = ',')]
    pub pod_ips: Vec<IpAddr>,
}
