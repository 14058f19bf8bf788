//! Where a session can be watched: URLs made from the pod's address and the ports that the runtime reports.

use crate::names;
use std::net::IpAddr;
use understudy_crds::v1alpha1::{Endpoint, EndpointScope, EndpointType};
use understudy_proto::v1::Report;

/// `HOST:PORT` of the session's HTTP surface.
pub fn address(pod_ip: &str, report: &Report) -> String {
    let port = report.ports.as_ref().map(|ports| ports.http).filter(|port| *port > 0);
    let port = port.unwrap_or(u32::from(names::HTTP_PORT));
    match pod_ip.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{pod_ip}:{port}"),
    }
}

/// The name of the viewer page among endpoints that are named after livestreams: those have no capital letters.
const VIEW: &str = "View";

/// The page at which a browser watches.
pub fn view(address: &str) -> Endpoint {
    endpoint(VIEW, EndpointType::View, format!("http://{address}/view"))
}

/// Playback of one livestream over WebRTC.
pub fn whep(address: &str, livestream: &str) -> Endpoint {
    endpoint(livestream, EndpointType::Whep, format!("http://{address}/whep/{livestream}"))
}

fn endpoint(name: &str, type_: EndpointType, url: String) -> Endpoint {
    Endpoint { name: name.into(), type_, url, scope: EndpointScope::Cluster }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::Ports;

    #[test]
    fn addresses_of_both_families_make_urls() {
        let report = Report { ports: Some(Ports { http: 8080, media_udp: 0 }), ..Report::default() };
        assert_eq!(view(&address("10.1.2.3", &report)).url, "http://10.1.2.3:8080/view");
        assert_eq!(whep(&address("fd00::1", &Report::default()), "x").url, "http://[fd00::1]:10001/whep/x");
    }
}
