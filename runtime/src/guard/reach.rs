//! From a host's name to a connection, or to one address: what was judged is what is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use understudy_core::guard::{Class, Policy, SETTING, host_and_port};

/// The resolver asks twice, for 5 s each.
const RESOLVE: Duration = Duration::from_secs(10);

/// Three tries of TCP's handshake; an address that did not answer these is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// Addresses of one name that are tried; the deadlines of more would outlast the patience of whoever waits.
const TRIES: usize = 4;

/// Where a platform team says the same.
const IN_A_CLUSTER: &str = "allowPrivateUrls of the runtime profile";

/// Why a host is not reached.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "{host} has a {class} address, which is not fetched from; {SETTING} allows it, in a cluster {IN_A_CLUSTER}"
    )]
    Private { host: String, class: Class },
    #[error("{host} cannot be resolved: {source}")]
    Unresolvable { host: String, source: io::Error },
    #[error("{host} cannot be reached: {source}")]
    Unreachable { host: String, source: io::Error },
    #[error("{host} did not answer in time")]
    TimedOut { host: String },
}

/// The one address to connect to for `host`, for what does not speak HTTP: whoever resolves the name again may be told
/// another address.
pub async fn pin(host: &str, port: u16, policy: &Policy) -> Result<SocketAddr, Refused> {
    let permitted = resolve(host, port, policy).await?;
    permitted.first().copied().ok_or_else(|| unresolvable(host, io::ErrorKind::NotFound.into()))
}

/// Why a URL of `http:` or `https:` that could not be fetched was not, if it is that its host is not reached: a browser is
/// told the reason, but does not tell it on.
pub async fn obstacle(url: &str, policy: &Policy) -> Option<Refused> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = host_and_port(authority, Some(default)).ok()?;
    connect(&host, port, policy).await.err()
}

/// Connects to `host` at one of the addresses that may be connected to.
pub async fn connect(host: &str, port: u16, policy: &Policy) -> Result<TcpStream, Refused> {
    let mut last = unresolvable(host, io::ErrorKind::NotFound.into());
    for address in resolve(host, port, policy).await?.into_iter().take(TRIES) {
        last = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => Refused::Unreachable { host: host.to_owned(), source },
            Err(_) => Refused::TimedOut { host: host.to_owned() },
        };
    }
    Err(last)
}

async fn resolve(host: &str, port: u16, policy: &Policy) -> Result<Vec<SocketAddr>, Refused> {
    let all: Vec<SocketAddr> = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => match timeout(RESOLVE, lookup_host((host, port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(source)) => return Err(unresolvable(host, source)),
            Err(_) => return Err(Refused::TimedOut { host: host.to_owned() }),
        },
    };
    let permitted = match is_fixed(host) {
        true => policy.permitted(&all),
        // Whoever owns a name can point it here, and its page would count as one of our own.
        false => Policy { own: Vec::new(), ..policy.clone() }.permitted(&all),
    };
    tracing::debug!(host, ?all, ?permitted, "judged");
    permitted.map_err(|class| Refused::Private { host: host.to_owned(), class })
}

/// Means the same address for everybody on this machine.
fn is_fixed(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn unresolvable(host: &str, source: io::Error) -> Refused {
    Refused::Unresolvable { host: host.to_owned(), source }
}
