//! Every flag and variable of the operator, with its default and its meaning.

use crate::telemetry::Format;
use clap::Parser;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Turns VirtualParticipants and Livestreams into pods and keeps their status true.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "understudy-operator",
    version,
    after_help = "understudy-operator verify --help tells how an installation is verified instead."
)]
pub struct Args {
    /// Namespace of the operator's own objects: Lease, authority, EndpointSlice.
    #[arg(long, env = "UNDERSTUDY_NAMESPACE")]
    pub namespace: String,
    /// Name of this process among the replicas.
    #[arg(long, env = "UNDERSTUDY_POD_NAME")]
    pub pod_name: String,
    /// Address at which session pods reach this process.
    #[arg(long, env = "UNDERSTUDY_POD_IP")]
    pub pod_ip: IpAddr,
    /// The Service without a selector whose EndpointSlice the leader owns.
    #[arg(long, env = "UNDERSTUDY_LINK_SERVICE", default_value = "understudy-operator-link")]
    pub link_service: String,
    /// HOST:PORT that session pods dial; default: the link Service.
    #[arg(long, env = "UNDERSTUDY_LINK_ADDRESS")]
    pub link_address: Option<String>,
    /// Where the leader serves the control link; [::] is both families.
    #[arg(long, env = "UNDERSTUDY_LINK_LISTEN", default_value = "[::]:8443")]
    pub link_listen: SocketAddr,
    /// Where the leader serves the control API for people's backends; [::] is both families.
    #[arg(long, env = "UNDERSTUDY_API_LISTEN", default_value = "[::]:8444")]
    pub api_listen: SocketAddr,
    /// The WHIP server of those who make a stage by the control API and name none.
    #[arg(long, env = "UNDERSTUDY_STAGE_WHIP_URL")]
    pub stage_whip_url: Option<String>,
    /// The file with its bearer token; none: it asks for none.
    #[arg(long, env = "UNDERSTUDY_STAGE_WHIP_TOKEN_FILE", requires = "stage_whip_url")]
    pub stage_whip_token_file: Option<PathBuf>,
    /// Where /livez, /readyz and /metrics are served; [::] is both families.
    #[arg(long, env = "UNDERSTUDY_ADMIN_LISTEN", default_value = "[::]:8080")]
    pub admin_listen: SocketAddr,
    /// Namespaces that participants may be in, comma-separated; none: all.
    #[arg(long, env = "UNDERSTUDY_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Name of the Lease by which replicas elect a leader.
    #[arg(long, env = "UNDERSTUDY_LEASE", default_value = "understudy-operator")]
    pub lease: String,
    /// Name of the Secret that holds the authority of the control link; made if it is not there.
    #[arg(long, env = "UNDERSTUDY_AUTHORITY_SECRET", default_value = "understudy-authority")]
    pub authority_secret: String,
    /// Objects of each kind that are reconciled at a time.
    #[arg(long, env = "UNDERSTUDY_CONCURRENCY", default_value_t = 16)]
    pub concurrency: u16,
    /// Form of log lines.
    #[arg(long, env = "UNDERSTUDY_LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: Format,
    /// Which log lines are written.
    #[arg(long, env = "UNDERSTUDY_LOG", default_value = "info")]
    pub log: String,
    /// The OpenTelemetry collector that traces of invitations go to, by OTLP over gRPC (http://collector:4317); empty: no traces.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", default_value = "")]
    pub otlp_endpoint: String,
}

/// Says whether an installation can do its work, as `helm test` does; changes nothing.
#[derive(Clone, Debug, Parser)]
#[command(name = "understudy-operator verify", version)]
pub struct Verify {
    /// A namespace that participants may be in.
    #[arg(long)]
    pub namespace: String,
    /// HOST:PORT of the control link.
    #[arg(long)]
    pub link_address: String,
}
