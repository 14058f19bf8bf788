//! The participant as its page knows it.

use std::net::SocketAddr;

use clap::Args;

use crate::net::Families;

/// Of a session that nobody named.
const UNNAMED: &str = "participant";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Participant socket")]
pub struct Participant {
    /// Port of the WebSocket by which the session's page hears of its invitations; it listens on loopback only. 0: there is none.
    #[arg(long, env = "UNDERSTUDY_PARTICIPANT_SOCKET_PORT", default_value_t = 3001)]
    pub participant_socket_port: u16,

    /// What the participant is called there; default: as the pod is, else `participant`.
    #[arg(long, env = "VP_ID", value_name = "VP_ID", default_value = "", hide_default_value = true)]
    pub participant_id: String,
}

impl Participant {
    /// Where it listens: nowhere beyond loopback, whoever may use HTTP.
    pub fn addresses(&self, families: Families) -> Vec<SocketAddr> {
        let port = self.participant_socket_port;
        let loopbacks = families.loopbacks().into_iter().filter(|_| port != 0);
        loopbacks.map(|loopback| SocketAddr::new(loopback, port)).collect()
    }

    pub fn id(&self, pod: Option<&str>) -> String {
        let given = [Some(self.participant_id.as_str()), pod, Some(UNNAMED)];
        given.into_iter().flatten().find(|id| !id.is_empty()).unwrap_or_default().to_owned()
    }
}
