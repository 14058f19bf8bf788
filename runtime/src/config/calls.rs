//! Whether this participant calls others and is called, and over what.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use understudy_core::call::Manners;
use understudy_core::call::message::is_name;
use url::Url;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Calls")]
pub struct Calls {
    /// Call others, and be called, over `/api/call`.
    #[arg(long, env = "UNDERSTUDY_CALLS", default_value_t = false, action = ArgAction::Set)]
    pub calls: bool,

    /// The hub by which others are reached, as wss://HOST/api/call/hub. Default: this runtime's own, at `/api/call/hub`.
    #[arg(long, env = "UNDERSTUDY_CALLS_HUB", requires = "calls")]
    pub calls_hub: Option<Url>,

    /// A file whose token is sent to that hub. Read at each connection.
    #[arg(long, env = "UNDERSTUDY_CALLS_HUB_TOKEN_FILE", requires = "calls_hub")]
    pub calls_hub_token_file: Option<PathBuf>,

    /// The certificate authority of that hub, as PEM; default: those that this machine trusts.
    #[arg(long, env = "UNDERSTUDY_CALLS_HUB_CA_FILE", requires = "calls_hub")]
    pub calls_hub_ca_file: Option<PathBuf>,

    /// Take whoever calls, without somebody who accepts.
    #[arg(long, env = "UNDERSTUDY_CALLS_AUTO_ACCEPT", default_value_t = false, action = ArgAction::Set)]
    pub calls_auto_accept: bool,

    /// Whose calls ring, comma-separated; default: everybody's.
    #[arg(long, env = "UNDERSTUDY_CALLS_ALLOWED_PEERS", value_delimiter = ',', value_parser = peer)]
    pub calls_allowed_peers: Vec<String>,
}

impl Calls {
    pub fn manners(&self) -> Manners {
        let allowed = (!self.calls_allowed_peers.is_empty()).then(|| self.calls_allowed_peers.clone());
        Manners { auto_accept: self.calls_auto_accept, allowed }
    }
}

fn peer(text: &str) -> Result<String, String> {
    let name = text.trim();
    match is_name(name) {
        true => Ok(name.to_owned()),
        false => Err("must be the name of a peer, of 1 to 128 bytes without control characters".to_owned()),
    }
}
